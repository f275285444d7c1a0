"""One image without a batch, grey images without channels, images of several sizes: one sentence says what to do."""
import numpy as np
import pytest

import tinynet as tn
from tinynet import data
from tinynet.errors import ArgumentError, DtypeError, ShapeError

ONE = np.zeros((9, 9, 3), np.float32)
LABEL = np.array([1])


def convolutions():
    return tn.Network([("conv", tn.Conv2d(3, 2, 3)), ("flat", tn.Flatten()), ("fc", tn.Linear(98, 3))], name="small")


def rows():
    return tn.Network([("flat", tn.Flatten()), ("fc", tn.Linear(243, 3))], name="small", input_shape=(9, 9, 3))


@pytest.mark.parametrize("made", [convolutions, rows])
def test_one_image_is_told_from_a_batch(made):
    net = made()
    says = r"has shape \(9, 9, 3\), which is one image without the batch axis: x\[None\] adds it$"
    for use in (lambda: net.forward(ONE), lambda: tn.predict(net, ONE), lambda: tn.trace(net, ONE, LABEL),
                lambda: tn.training_step(net, ONE, LABEL, tn.SGD(net)), lambda: tn.check_gradients(net, ONE)):
        with pytest.raises(ShapeError, match=f"^small: the input {says}"):
            use()
    for use in (lambda: tn.fit(net, (ONE, LABEL), progress=False), lambda: tn.evaluate(net, (ONE, [1]))):
        with pytest.raises(ShapeError, match=r"\(9, 9, 3\), and there is one label: .* of one, images\[None\]$"):
            use()
    assert net.forward(ONE[None])[0].shape == (1, 3)


def test_in_a_single_layer_too():
    with pytest.raises(ShapeError, match=r"^Conv2d: the input has shape \(9, 9, 3\), which is one image"):
        tn.Conv2d(3, 2, 3).forward(ONE)
    with pytest.raises(ShapeError, match=r"^Linear: the input has shape \(4,\), .*; x\[None\] makes a batch of one$"):
        tn.Linear(4, 2).forward(np.zeros(4, np.float32))
    with pytest.raises(ShapeError, match=r"^MaxPool2d: the input has shape \(9, 9, 3\), which is one image"):
        tn.MaxPool2d(2, 2).forward(ONE)


def test_grey_images_without_channels_are_told():
    net = tn.Network([("conv", tn.Conv2d(1, 2, 3))])
    with pytest.raises(ShapeError, match=r"has shape \(5, 9, 9\), which is images without the channel axis: "):
        net.forward(np.zeros((5, 9, 9), np.float32))
    with pytest.raises(ShapeError, match=r"has shape \(9, 9, 1\), which is one image without the batch axis"):
        net.forward(np.zeros((9, 9, 1), np.float32))


def test_where_no_axis_helps_the_layer_says_what_it_met():
    with pytest.raises(ShapeError, match=r"^Conv2d expects images \(H, W, C\), got shape \(9, 4\)$"):
        tn.Conv2d(3, 2, 3).forward(np.zeros((9, 9, 4), np.float32))

    class Unpacks(tn.Layer):
        """Meets a shape that it does not expect with an error of Python's own."""

        def output_shape(self, shape):
            if len(shape) == 2:
                raise ShapeError("two axes")
            height, width, channels, more = shape
            return shape

        def forward(self, x, train=False):
            self.check_input(x)
            return x, (x,)

    with pytest.raises(ShapeError, match="^two axes$"):
        Unpacks().forward(ONE)


def test_stored_images_too():
    net = rows()
    net.preprocessing = data.Preprocessing(np.zeros(3), 9)
    one, grey = ONE.astype(np.uint8), np.zeros((5, 9, 9), np.uint8)
    for use in (lambda images: tn.predict(net, images), lambda images: data.Dataset(images, LABEL, ["a", "b"]),
                data.Preprocessing(np.zeros(3), 9), lambda images: data.ten_crops(images, 5)):
        with pytest.raises(ShapeError, match=r"\(9, 9, 3\).*; images\[None\] makes a batch of one image$"):
            use(one)
        with pytest.raises(ShapeError, match=r"\(5, 9, 9\).*; images\[\.\.\., None\] gives grey images an axis"):
            use(grey)


SIZES = [np.zeros((9, 9, 3), np.float32), np.zeros((8, 9, 3), np.float32), np.zeros((9, 9, 3), np.float32)]


@pytest.mark.parametrize("use", [
    lambda images: tn.fit(rows(), (images, [0, 1, 2]), progress=False),
    lambda images: tn.evaluate(rows(), (images, [0])),
    lambda images: data.FloatImages(images, [0]), lambda images: data.Dataset(images, [0], ["a"]),
    data.Preprocessing(np.zeros(3), 5), lambda images: data.ten_crops(images, 5),
    lambda images: data.Loader((images, [0]), None),
])
def test_a_list_of_images_of_several_sizes_is_told(use):
    with pytest.raises(ShapeError, match=r"the items of the list have different sizes, such as \(9, 9, 3\) and "
                       r"\(8, 9, 3\), expected one size for all: crop or resize them to it$"):
        use(SIZES)
    with pytest.raises(ShapeError, match="different sizes, expected one size for all"):
        use([[[1.0, 2.0]], [[1.0]]])


def test_what_takes_no_list_says_how_to_make_an_array_of_it():
    net = rows()
    for use in (net.forward, tn.ReLU().forward, lambda images: tn.trace(net, images, [0])):
        with pytest.raises(DtypeError, match=r"is a list, expected a NumPy .*; np\.stack\(images\) makes one of"):
            use(SIZES)
    with pytest.raises(ShapeError, match="^predict: images: the items of the list have different sizes, such as"):
        tn.predict(net, SIZES)
    with pytest.raises(ArgumentError, match="^check_gradients: x is not an array of numbers: the items of the list"):
        tn.check_gradients(net, SIZES)
