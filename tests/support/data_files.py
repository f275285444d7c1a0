"""Small files in the formats of CIFAR-10 and MNIST, with random pixels."""

import gzip

import numpy as np

NAMES = "airplane automobile bird cat deer dog frog horse ship truck".split()


def random_images(count=6, height=5, width=4, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), np.uint8)


def write_cifar10(folder, per_file=3):
    """A CIFAR-10 of our own; returns the images (N, 32, 32, 3) and labels in the order of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "batches.meta.txt").write_text("\n".join(NAMES) + "\n\n")    # the original ends in an empty line
    images = random_images(6 * per_file, 32, 32)
    labels = np.arange(len(images), dtype=np.uint8) % 10
    records = np.concatenate([labels[:, None], images.transpose(0, 3, 1, 2).reshape(len(images), -1)], axis=1)
    for number, name in enumerate([f"data_batch_{k}.bin" for k in range(1, 6)] + ["test_batch.bin"]):
        records[number * per_file:(number + 1) * per_file].tofile(folder / name)
    return images, labels


def idx_bytes(array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(length.to_bytes(4, "big") for length in array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_mnist(folder, compress=(), dotted=()):
    """A MNIST of our own: 12 training and 7 test images; returns their digits (N, 28, 28) and labels."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for prefix, count in (("train", 12), ("t10k", 7)):
        images = random_images(count, 28, 28, 1, seed=count)[..., 0]
        labels = np.arange(count) % 10
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            name = f"{prefix}-{kind}-ubyte"
            content = gzip.compress(idx_bytes(array)) if name in compress else idx_bytes(array)
            name = name.replace("-idx", ".idx") if name in dotted else name
            (folder / (name + ".gz" if name in compress else name)).write_bytes(content)
        written[prefix] = images, labels
    return written


def python2_pickle(value):
    """A pickle as Python 2 and its NumPy wrote it, protocol 2: text is bytes; of dicts, lists, numbers and arrays."""
    return b"\x80\x02" + _python2(value) + b"."


def _python2(value):
    if value is None:
        return b"N"
    if isinstance(value, int):
        return b"J" + int(value).to_bytes(4, "little", signed=True)
    if isinstance(value, str | bytes):
        text = value.encode() if isinstance(value, str) else value
        return b"T" + len(text).to_bytes(4, "little") + text
    if isinstance(value, list):
        return b"](" + b"".join(map(_python2, value)) + b"e"
    if isinstance(value, tuple):
        return b"(" + b"".join(map(_python2, value)) + b"t"
    if isinstance(value, dict):
        return b"}(" + b"".join(_python2(key) + _python2(each) for key, each in value.items()) + b"u"
    kind = (b"cnumpy\ndtype\n" + _python2((value.dtype.str[1:], 0, 1)) + b"R"
            + _python2((3, value.dtype.str[0], None, None, None, -1, -1, 0)) + b"b")
    return (b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + _python2((0,)) + _python2("b") + b"tR("
            + _python2(1) + _python2(value.shape) + kind + b"\x89" + _python2(value.tobytes()) + b"tb")


def write_cifar10_python(folder, per_file=3, dump=python2_pickle):
    """The same CIFAR-10 as `write_cifar10`'s in the Python form; returns images and labels likewise."""
    folder.mkdir(parents=True, exist_ok=True)
    images = random_images(6 * per_file, 32, 32)
    labels = np.arange(len(images)) % 10
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    meta = {"num_cases_per_batch": per_file, "label_names": NAMES, "num_vis": 3072}
    (folder / "batches.meta").write_bytes(dump(meta))
    for number, name in enumerate([f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]):
        part = slice(number * per_file, (number + 1) * per_file)
        (folder / name).write_bytes(dump({
            "batch_label": f"training batch {number + 1} of 5", "labels": labels[part].tolist(), "data": rows[part],
            "filenames": [f"{NAMES[label]}_{i}.png" for i, label in enumerate(labels[part])]}))
    return images, labels
