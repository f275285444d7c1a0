"""From files to batches: data sets, preprocessing and augmentation of their images, and the loader of batches."""

from .augment import Augmentation, PCAColour
from .cifar10 import load_cifar10
from .dataset import Dataset, FloatImages
from .download import download
from .image_file import load_image
from .image_folder import ImageFolder, load_image_folder
from .load_data import load_data
from .loader import Loader
from .mnist import load_mnist
from .photograph import sample_photograph
from .preprocessing import Preprocessing, ten_crops
from .shapes import draw_shapes, load_shapes
from .split import split_validation

__all__ = [
    "Augmentation", "Dataset", "FloatImages", "ImageFolder", "Loader", "PCAColour", "Preprocessing", "download",
    "draw_shapes", "load_cifar10", "load_data", "load_image", "load_image_folder", "load_mnist", "load_shapes",
    "sample_photograph", "split_validation", "ten_crops",
]
