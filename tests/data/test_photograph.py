"""The photographs that come with tinynet: free, named with their authors, small, and readable."""
import pytest
from PIL import Image

from tinynet.data import load_image, sample_photograph
from tinynet.data.photograph import FOLDER
from tinynet.errors import ArgumentError

FILES = sorted(FOLDER.glob("*.jpg"))


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_each_photograph_is_small_and_has_its_author_and_its_license_named(file):
    assert sample_photograph(file.stem) == file and file.stat().st_size < 60_000
    row = next(line for line in (FOLDER / "README.md").read_text().splitlines() if f"({file.name})" in line)
    assert "creativecommons.org" in row.split("|")[4] and row.split("|")[3].strip()
    assert load_image(file, 127).shape == (127, 127, 3)
    with Image.open(file) as image:
        assert not image.getexif()


@pytest.mark.parametrize("name", ["tench", "berlin_cathedral.jpg", "", "../photograph", None])
def test_another_name_is_refused_with_those_that_exist(name):
    with pytest.raises(ArgumentError, match="expected 'berlin_cathedral', 'light_bulb', 'spaniels'"):
        sample_photograph(name)
