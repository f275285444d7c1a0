"""The names of ImageNet's classes, and where they stand beside the WordNet ids of folders."""
import re

import pytest

from tinynet.data.imagenet import imagenet_classes, with_wordnet_name

IMAGENETTE = {"n01440764": 0, "n02102040": 217, "n02979186": 482, "n03000684": 491, "n03028079": 497, "n03394916": 566,
              "n03417042": 569, "n03425413": 571, "n03445777": 574, "n03888257": 701}


def test_there_are_a_thousand_in_the_order_of_their_ids():
    classes = imagenet_classes()
    assert len(classes) == 1000 and list(classes) == sorted(classes)
    assert all(re.fullmatch(r"n\d{8}", each) for each in classes) and all(classes.values())
    order = list(classes)
    assert {each: order.index(each) for each in IMAGENETTE} == IMAGENETTE


@pytest.mark.parametrize(("name", "shown"), [
    ("n01440764", "n01440764 tench"), ("n03888257", "n03888257 parachute"), ("n00000001", "n00000001"),
    ("tench", "tench"), ("n01440764_tench", "n01440764_tench"), ("", ""),
])
def test_an_id_gets_its_name(name, shown):
    assert with_wordnet_name(name) == shown
