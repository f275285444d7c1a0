"""What newcomers give: arrays of other libraries, a forgotten *, one number in place of a tuple, None for a path."""
import re

import numpy as np
import pytest
from PIL import Image

import tinynet as tn
from tinynet import cli, data
from tinynet.errors import ArgumentError, DataError, DtypeError, ShapeError
from tinynet.training.checkpoint import load_training_state, restore_network

X = np.random.default_rng(0).standard_normal((6, 4)).astype("float32")
LABELS = np.array([0, 1, 2, 0, 1, 2])


def network(**options):
    return tn.Network([("fc", tn.Linear(4, 3))], **options)


class Series:
    """What a column of pandas is to NumPy, without pandas."""

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def __getitem__(self, index):
        raise KeyError(index)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


def as_tensor(values):
    return pytest.importorskip("torch", reason="PyTorch is not installed (extra: reference)").tensor(np.array(values))


def as_pandas(values):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    return pandas.Series(values) if np.ndim(values) == 1 else pandas.DataFrame(values)


OTHER = {"a list": lambda values: np.asarray(values).tolist(), "__array__": Series, "torch": as_tensor,
         "pandas": as_pandas}


@pytest.fixture(params=OTHER)
def other(request):
    return OTHER[request.param]


def test_labels_of_other_libraries_are_taken(other):
    net, labels = network(), other(LABELS)
    scores, _ = net.forward(X)
    loss, dscores = tn.softmax_cross_entropy(scores, labels)
    expected, gradient = tn.softmax_cross_entropy(scores, LABELS)
    assert loss == expected
    np.testing.assert_array_equal(dscores, gradient)
    assert tn.evaluate(net, (X, labels)) == tn.evaluate(net, (X, LABELS))
    assert tn.trace(net, X, labels).loss == expected
    assert "label" in str(tn.trace(net, X, labels)["loss"].explain(grad="x", at=(0, 0)))
    assert tn.training_step(net, X, labels, tn.SGD(net))[0] == expected
    tn.fit(net, (X, labels), epochs=1, progress=False)
    stored = data.Dataset(np.zeros((6, 2, 2, 3), np.uint8), labels, ["a", "b", "c"])
    np.testing.assert_array_equal(stored.labels, LABELS)


def test_images_of_other_libraries_are_taken_as_data(other):
    net = network()
    rows = other(X)
    if isinstance(rows, list):
        rows = [np.array(row, np.float32) for row in rows]  # numbers alone would be float64
    np.testing.assert_array_equal(tn.predict(net, rows), tn.predict(net, X))
    assert tn.evaluate(net, (rows, LABELS)) == tn.evaluate(net, (X, LABELS))
    tn.fit(net, (rows, other(LABELS)), epochs=1, progress=False)


def test_images_of_pillow_are_taken_in_a_list():
    net = tn.alexnet_small(classes=3)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    net.preprocessing = data.Preprocessing(np.zeros(3), 32)
    pictures = [Image.fromarray(each) for each in pixels]
    np.testing.assert_array_equal(tn.predict(net, pictures), tn.predict(net, pixels))
    assert len(data.Dataset(pictures, [0, 1], ["a", "b"])) == 2
    with pytest.raises(ShapeError, match=r"images are \(32, 32, 3\), expected .*images\[None\] makes a batch"):
        tn.predict(net, pictures[0])
    with pytest.raises(ShapeError, match="predict: images: the items of the list have different sizes.*crop or resize"):
        tn.predict(net, [pictures[0], pictures[1].resize((16, 16))])


def test_what_numpy_does_not_take_is_said_in_a_sentence():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: reference)")
    with pytest.raises(DtypeError, match=r"of this Tensor NumPy makes none \(Can't call numpy\(\) on Tensor"):
        tn.predict(network(), torch.tensor(X, requires_grad=True))
    with pytest.raises(DtypeError, match=r"of this Tensor NumPy makes none \(.*BFloat16"):
        tn.evaluate(network(), (torch.tensor(X).bfloat16(), LABELS))
    with pytest.raises(ArgumentError, match="check_gradients: x is not an array of numbers"):
        tn.check_gradients(network(), torch.tensor(X, requires_grad=True))
    with pytest.raises(DtypeError, match="the input is a Tensor, expected a NumPy or CuPy array; np.asarray makes one"):
        tn.ReLU().forward(torch.tensor(X))
    with pytest.raises(ArgumentError, match="to_cpu: expected an array, a layer or a network, got a Tensor"):
        tn.to_cpu(torch.tensor(X))


@pytest.mark.parametrize(("labels", "message"), [
    (None, "labels: expected an array, got None of NoneType"), ("abc", "labels: expected an array, got 'abc' of str"),
    ([0.0, 1.0, 2.0, 0.0, 1.0, 2.0], "labels are float64, expected an array of integers"),
    ([0, 1], r"labels have shape \(2,\), expected \(6,\)"),
    ([[0], [1, 2]], "labels: the items of the list have different sizes, expected one size for all$"),
    ([object()] * 6, "labels: .* objects of this list"),
])
def test_labels_that_are_none(labels, message):
    with pytest.raises((DtypeError, ShapeError), match=f"softmax_cross_entropy: {message}"):
        tn.softmax_cross_entropy(network().forward(X)[0], labels)


def test_names_in_place_of_labels():
    with pytest.raises(DtypeError, match=r"expected integers, got <U3; np.unique\(names, return_inverse=True\)"):
        tn.fit(network(), (X, ["cat", "dog"] * 3), epochs=1)


def test_a_forgotten_star():
    sets = data.load_data("shapes")
    net = tn.alexnet_small()
    says = r"has 2 data sets \(.* and .*\), expected one: load_data gives two, .*fit\(net, \*load_data\(\.\.\.\)\)"
    for call, name in (
        (lambda: tn.fit(net, sets), "train"), (lambda: tn.fit(net, sets[0], sets), "validation"),
        (lambda: tn.evaluate(net, sets), "data"), (lambda: tn.fit(net, (sets[0], None)), "train"),
        (lambda: data.Loader(sets, None), "Loader: dataset"),
        (lambda: data.Preprocessing.fit(sets, 32), "Preprocessing.fit: dataset"),
        (lambda: data.PCAColour.fit(sets), "PCAColour.fit: dataset"),
    ):
        with pytest.raises(ArgumentError, match=f"^{name} {says}"):
            call()
    with pytest.raises(ArgumentError, match="train is a ndarray, expected a Dataset or a pair .* in one"):
        tn.fit(network(), X, LABELS)
    with pytest.raises(ArgumentError, match="data is a NoneType, .*load_data gives None for a folder"):
        tn.evaluate(net, None)
    with pytest.raises(ArgumentError, match="train is a tuple of 3, expected"):
        tn.fit(network(), (X, LABELS, LABELS))
    with pytest.raises(ArgumentError, match="Preprocessing.fit: dataset is .*, expected a Dataset or an ImageFolder"):
        data.Preprocessing.fit((np.zeros((2, 4, 4, 3)), [0, 1]), 4)


@pytest.mark.parametrize("epochs", [30, np.int64(30), None, "30"])
def test_a_schedule_needs_a_list(epochs):
    with pytest.raises(ArgumentError, match=r"StepSchedule: epochs is .*(30|None).*, expected a list .*: \[30\]"):
        tn.StepSchedule(tn.SGD(network()), epochs)
    assert tn.StepSchedule(tn.SGD(network()), np.array([30, 60])).settings["epochs"] == [30, 60]


@pytest.mark.parametrize("shape", [4, np.int64(4), (4,), [4], np.array([4])])
def test_one_number_is_a_shape(shape):
    net = network(input_shape=shape)
    assert net.input_shape == (4,) and type(net.input_shape[0]) is int
    assert net.summary().parameters == network().summary(input_shape=shape).parameters == 15
    assert net.output_shape(shape) == (3,)


@pytest.mark.parametrize("shape", [0, -4, 4.0, "4", (), (None, 4), (4, 2.5), True, {4}])
def test_what_is_no_shape(shape):
    for call, name in ((lambda: network(input_shape=shape), "Network: input_shape"),
                       (lambda: network().summary(shape), "summary: input_shape"),
                       (lambda: network().output_shape(shape), "network: the shape")):
        with pytest.raises(ArgumentError, match=rf"^{name} is .*, expected the shape of one image, "):
            call()


@pytest.mark.parametrize("wrong", [None, "", 3, ["a"], b"folder"])
def test_what_is_no_path(wrong, tmp_path):
    for call, name in (
        (lambda: data.load_data(wrong), "load_data: path"), (lambda: data.load_mnist(wrong), "load_mnist: path"),
        (lambda: data.load_cifar10(wrong), "load_cifar10: path"), (lambda: data.load_image(wrong), "load_image: path"),
        (lambda: data.load_image_folder(wrong), "load_image_folder: path"),
        (lambda: data.ImageFolder([wrong], [0], ["a"], name="mine"), "data set 'mine': a path"),
        (lambda: tn.load_checkpoint(wrong), "load_checkpoint: path"),
        (lambda: tn.save_checkpoint(wrong, network()), "save_checkpoint: path"),
        (lambda: tn.load_weights(network(), wrong), "load_weights: path"),
        (lambda: tn.save_weights(network(), wrong), "save_weights: path"),
        (lambda: restore_network(wrong, network()), "restore_network: path"),
        (lambda: load_training_state(wrong), "load_training_state: path"),
    ):
        with pytest.raises(ArgumentError, match=f"^{name} is .*, expected the name of a file or a folder"):
            call()
    if wrong != "":
        with pytest.raises(ArgumentError, match="run is .*, expected the name of a file or a folder"):
            tn.fit(network(), (X, LABELS), run=wrong if wrong is not None else 1.5)
    with pytest.raises(ArgumentError, match="^download: folder is .*, expected the name of a file or a folder"):
        pytest.importorskip("pooch", reason="pooch is not installed (extra: download)")
        data.download("mnist", wrong)


def test_a_folder_with_one_class_names_it(tmp_path, capsys):
    (tmp_path / "train" / "cats").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "train" / "cats" / "a.png")
    train, test = data.load_data(tmp_path)  # to look at, or to evaluate on
    says = rf"has one class, cats \(in {tmp_path}/train\): expected two or more; in a folder of images each class has"
    with pytest.raises(ArgumentError, match=f"fit: train, '.*/train', {says}"):
        tn.fit(tn.alexnet_small(), train)
    assert cli.main(["train", "--data", str(tmp_path), "--model", "alexnet-small"]) != 0
    assert re.search(f"the data of --data, '.*/train', {says}", capsys.readouterr().err)


def test_one_score_is_not_enough():
    net = tn.Network([("fc", tn.Linear(4, 1))])
    with pytest.raises(ArgumentError, match="fit: network gives one score for an image, expected one for each class"):
        tn.fit(net, (X, np.zeros(6, int)))


def images_in(folder, count=2):
    folder.mkdir(parents=True)
    for i in range(count):
        Image.new("RGB", (8, 8), (9 * i, 2, 3)).save(folder / f"{i}.png")


def test_images_without_folders_of_classes_are_told_and_a_test_set_without_labels_is_left_out(tmp_path, capsys):
    images_in(tmp_path / "flat" / "train", 3)
    with pytest.raises(DataError, match=r"train has files \(3\) and no folders: expected one folder of images"):
        data.load_data(tmp_path / "flat")
    for name in ("cat", "dog"):
        images_in(tmp_path / "pets" / "train" / name)
    images_in(tmp_path / "pets" / "test")
    (tmp_path / "pets" / "test" / ".ipynb_checkpoints").mkdir()
    train, test = data.load_data(tmp_path / "pets", 8)
    assert len(train) == 4 and test is None
    assert "test: no folders of classes in it, so that its images have no labels; left out" in capsys.readouterr().err


def test_augmentations_colour_is_no_switch():
    with pytest.raises(ArgumentError, match="Augmentation: colour is True, expected a PCAColour, such as PCA"):
        data.Augmentation(colour=True)


def test_a_share_may_be_a_number_of_numpys_and_a_padding_not_negative(tmp_path):
    shapes = data.draw_shapes(60, 16)
    train, validation = data.split_validation(shapes, np.float32(0.5))
    assert len(train) + len(validation) == 60 and len(validation) > 20
    with pytest.raises(ArgumentError, match="Preprocessing.fit: padding is -1"):
        data.Preprocessing.fit(shapes, 16, padding=-1)


def test_a_network_that_a_checkpoint_does_not_fit_stays_as_it_was(tmp_path):
    tn.save_checkpoint(tmp_path / "net.npz", tn.Network([("one", tn.Linear(4, 3, seed=1)), ("two", tn.Linear(3, 2))]))
    net = tn.Network([("one", tn.Linear(4, 3, seed=2)), ("two", tn.Linear(3, 5))])
    before = net["one"].params["w"].copy()
    with pytest.raises(tn.errors.CheckpointError, match="two.w has shape"):
        restore_network(tmp_path / "net.npz", net)
    np.testing.assert_array_equal(net["one"].params["w"], before)
