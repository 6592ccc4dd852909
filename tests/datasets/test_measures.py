from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import ExifTags, Image, ImageFilter
from sklearn.datasets import load_sample_images

from midrib.datasets import read_dataset
from midrib.datasets.measures import Exif, Measures, measure, read_exif
from midrib.datasets.truncation import is_cut_off

Classes = Draw = Callable[..., Path]

PHOTO = Image.fromarray(load_sample_images().images[0])


def measured(image: Image.Image) -> Measures:
    return measure(np.asarray(image.convert("RGB")))


@given(
    arrays.arrays(
        np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3)), fill=st.nothing()
    )
)
def test_measures_keep_to_their_ranges(pixels: np.ndarray) -> None:
    """Whatever the pixels are, each measure is finite and in the range that it promises."""
    found = measure(pixels)
    assert 0 <= found.low <= found.high <= 1
    assert 0 <= found.brightness <= 1
    assert 0 <= found.contrast <= 0.5 + 1e-6
    assert 0 <= found.entropy <= 8
    assert 0 <= found.sharpness <= 1


def test_measures_are_those_of_numpy() -> None:
    """Brightness, contrast and entropy are those of the luma's values, counted plainly."""
    luma = np.random.default_rng(1).integers(0, 256, (50, 70), np.uint8)
    found = measured(Image.fromarray(luma))
    counts = np.unique(luma, return_counts=True)[1] / luma.size
    assert found.brightness == pytest.approx(luma.mean() / 255)
    assert found.contrast == pytest.approx(luma.std() / 255)
    assert found.entropy == pytest.approx(-(counts * np.log2(counts)).sum())


def test_sharpness_falls_with_every_blur_and_hardly_with_size() -> None:
    """The more a photograph is blurred, the less sharp it is; half its size changes little."""
    blurred = [
        measured(PHOTO.filter(ImageFilter.GaussianBlur(radius))).sharpness
        for radius in (0, 3, 6, 12)
    ]
    assert blurred == sorted(blurred, reverse=True)
    assert blurred[0] > 2 * blurred[3]
    half = PHOTO.resize((PHOTO.width // 2, PHOTO.height // 2), Image.Resampling.LANCZOS)
    assert measured(half).sharpness == pytest.approx(blurred[0], abs=0.05)


def test_a_picture_of_one_colour_has_neither_contrast_nor_sharpness() -> None:
    """A blank picture measures 0 in all that tells of content."""
    found = measured(Image.new("L", (64, 64), 51))
    assert (found.contrast, found.entropy, found.sharpness) == (pytest.approx(0, abs=1e-6), 0, 0)
    assert found.brightness == found.low == found.high == pytest.approx(0.2)


def test_exif_tells_orientation_time_and_camera(classes: Classes) -> None:
    """What a camera writes is found after reading: how it was held, when, and which one it was."""
    root = classes(cat=3, dog=3)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "Maker", "M1"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:05:06 07:08:09"
    PHOTO.resize((101, 100)).save(root / "cat" / "held.jpg", exif=exif)
    item = next(i for i in read_dataset(root).items if i.path.name == "held.jpg")
    assert item.measures is not None
    assert item.measures.orientation == 6
    assert item.measures.taken == "2024-05-06T07:08:09"
    assert item.measures.camera == "Maker M1"
    assert (item.width, item.height) == (100, 101)


@pytest.mark.parametrize("taken", ["0000:00:00 00:00:00", "yesterday", "", "2024:99:01 00:00:00"])
def test_times_that_are_none_are_left_out(taken: str) -> None:
    """A time that a camera without a clock writes is no time."""
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken
    stream = io.BytesIO()
    PHOTO.resize((40, 30)).save(stream, "JPEG", exif=exif)
    with Image.open(stream) as image:
        assert read_exif(image) == Exif()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_a_file_that_lacks_its_end_is_told_from_a_whole_one(kind: str) -> None:
    """Whole files have their end; half of one has not."""
    stream = io.BytesIO()
    PHOTO.save(stream, kind)
    whole = stream.getvalue()
    assert not is_cut_off(whole)
    assert is_cut_off(whole[: len(whole) // 2])
