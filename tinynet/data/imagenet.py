"""The 1,000 classes of ImageNet (ILSVRC-2012): their WordNet ids, in the order of their labels, and WordNet's words."""
from functools import cache
from importlib import resources


@cache
def imagenet_classes() -> dict[str, str]:
    """Return the classes' names by their WordNet ids, class 0 first: {"n01440764": "tench", ...}."""
    text = (resources.files(__package__) / "imagenet_classes.txt").read_text(encoding="utf-8")
    pairs = (line.split(" ", 1) for line in text.splitlines())
    return dict((wordnet_id, name) for wordnet_id, name in pairs)


def with_wordnet_name(class_name: str) -> str:
    """Return a class's name with WordNet's word beside an id of ImageNet, "n01440764 tench"; others as they are."""
    word = imagenet_classes().get(class_name)
    return class_name if word is None else f"{class_name} {word}"


def word_of(class_name: str) -> str:
    """Return WordNet's word for an id of ImageNet, "tench" for "n01440764"; other names as they are."""
    return imagenet_classes().get(class_name, class_name)
