from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from midrib.preprocessing import Recipe, centre_crop, read_picture, read_view, resize, to_original
from midrib.records import Size

RECIPE = Recipe(height=64, width=96, fit="letterbox")
_SIDES = st.integers(1, 300)


def encoded(height: int, width: int, orientation: int = 1, form: str = "PNG") -> bytes:
    """A grey picture with a white spot in its upper left eighth."""
    pixels = np.full((height, width, 3), 90, np.uint8)
    pixels[: max(1, height // 8), : max(1, width // 8)] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form, exif=exif)
    return stream.getvalue()


@given(_SIDES, _SIDES, st.integers(1, 80), st.integers(1, 80))
def test_letterbox_keeps_the_whole_picture(
    height: int, width: int, canonical_height: int, canonical_width: int
) -> None:
    """The picture touches two opposite edges, stands in the middle, and is black elsewhere."""
    recipe = Recipe(height=canonical_height, width=canonical_width, fit="letterbox")
    pixels = np.full((height, width, 3), 255, np.uint8)
    framed = centre_crop(resize(pixels, recipe), recipe)
    assert framed.shape == (canonical_height, canonical_width, 3)
    lit = framed.any(axis=2)
    rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    assert lit[np.ix_(rows, columns)].all()
    margins = [
        (places[0], side - 1 - places[-1])
        for places, side in ((rows, canonical_height), (columns, canonical_width))
    ]
    assert min(sum(each) for each in margins) == 0
    assert all(abs(before - after) <= 1 for before, after in margins)


@given(
    height=st.integers(4, 300),
    width=st.integers(4, 300),
    fit=st.sampled_from(["letterbox", "squash", "crop"]),
)
def test_boxes_go_back_to_where_the_picture_has_them(height: int, width: int, fit: str) -> None:
    """The frame of the input is the part of the picture that the input shows, and no more."""
    recipe = Recipe(height=64, width=96, fit=fit, crop_ratio=1.0)
    frame = np.array([[0, 0, 96, 64]], np.float32)
    [[left, top, right, bottom]] = to_original(frame, recipe, Size(height, width)).tolist()
    if fit == "crop":
        scale = max(64 / height, 96 / width)
        assert right - left == pytest.approx(min(width, 96 / scale), abs=2 / scale)
        assert bottom - top == pytest.approx(min(height, 64 / scale), abs=2 / scale)
        assert left + right == pytest.approx(width, abs=2 / scale)
    else:
        assert [left, top, right, bottom] == pytest.approx([0, 0, width, height], rel=1e-5)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_that_of_the_upright_picture(form: str, orientation: int) -> None:
    """Whatever the EXIF orientation, pixels and size are those of the upright picture."""
    view = read_view(encoded(40, 100, orientation, form), RECIPE)
    assert view.of == ((100, 40) if orientation > 4 else (40, 100))
    shown = view.pixels.any(axis=2)
    sides = int(shown.any(axis=1).sum()), int(shown.any(axis=0).sum())
    assert sides == ((64, 26) if orientation > 4 else (38, 96))


def test_other_recipes_keep_their_hash() -> None:
    """The hash of a recipe that stood before letterboxing did is what it was."""
    recipe = Recipe(height=224, width=224)
    assert recipe.hash() == "cc7709273c30915dd7857cbf75af893f61caf93cc8695583a7a4448fe59a5654"
    assert recipe.hash() != Recipe(height=224, width=224, fit="letterbox").hash()
    assert read_picture(encoded(30, 50), RECIPE).shape == (64, 96, 3)
