"""The table of trained networks: where each comes from, how large its file is, what it knows and how well."""
from typing import NamedTuple


class Trained(NamedTuple):
    """A trained network.

    Attributes
    ----------
    file : str
        Its name in the package or in the cache.
    address : str
        Where it is fetched from; "" for one in the package, and then its checkpoint says what it knows.
    size : int
        Bytes of the file.
    sha256 : str
    knows : str
    errors : (float, float)
        Top-1 and top-5 error in percent, as published.
    origin, license : str
    """

    file: str
    license: str
    origin: str
    address: str = ""
    size: int = 0
    sha256: str = ""
    knows: str = ""
    errors: tuple[float, float] | None = None


PYTORCH = "https://download.pytorch.org/models/"
ONNX_MODELS = "https://github.com/onnx/models/raw/main/validated/vision/classification/"
THOUSAND = "the 1,000 classes of ImageNet"

TRAINED = {  # by the name of the network, as `tinynet summary` takes it
    "alexnet-medium": Trained("alexnet-medium.npz", "tinynet's own, MIT", "made by benchmarks/ship_network.py"),
    "alexnet-torchvision": Trained(
        "alexnet-owt-7be5be79.pth", "BSD 3-Clause", "torchvision, trained with PyTorch", PYTORCH
        + "alexnet-owt-7be5be79.pth", 244_408_911, "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        THOUSAND, (43.478, 20.934)),
    "alexnet-caffe": Trained(
        "bvlcalexnet-12.onnx", "non-commercial use", "bvlc_alexnet, trained with Caffe; a copy in ONNX's model zoo",
        ONNX_MODELS + "alexnet/model/bvlcalexnet-12.onnx", 243_863_787,
        "6b0da9510f27f234ee96a85dc3809dd210150fdefad87f6850f9788513216945", THOUSAND, (42.9, 19.8)),
    "squeezenet-torchvision": Trained(
        "squeezenet1_1-b8a52dc0.pth", "BSD 3-Clause", "torchvision, trained with PyTorch", PYTORCH
        + "squeezenet1_1-b8a52dc0.pth", 4_958_839, "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
        THOUSAND, (41.822, 19.376)),
}
SHIPPED = {name: each.file for name, each in TRAINED.items() if not each.address}
TO_FETCH = [name for name, each in TRAINED.items() if each.address]
DEFAULT = "alexnet-medium"  # what `tinynet predict` and `tinynet trace` take where no network is named


def megabytes(size: int) -> str:
    """Return a size in bytes as text: "244 MB", "5.0 MB"."""
    return f"{size / 1e6:.0f} MB" if size >= 1e7 else f"{size / 1e6:.1f} MB"


def error_text(name: str) -> str:
    """Return the published errors of a trained network in words."""
    errors = TRAINED[name].errors
    return "" if errors is None else f"{errors[0]:.1f}% top-1 and {errors[1]:.1f}% top-5 on ImageNet's validation set"
