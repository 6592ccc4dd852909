from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from encoded import encode, encode_turned, every_kind, scene
from hypothesis import given
from hypothesis import strategies as st

from midrib.errors import ConfigError, PackageError
from midrib.preprocessing import (
    Recipe,
    centre_crop,
    read_picture,
    read_resized,
    require_implemented,
    resize,
    shrink_target,
)

RECIPES = st.builds(
    Recipe,
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    fit=st.sampled_from(["crop", "squash"]),
    crop_ratio=st.floats(0.3, 1),
    filter=st.sampled_from(["bilinear", "bicubic"]),
)


def test_hash_is_the_promised_one() -> None:
    """The hashes of two recipes are those that published packages carry.

    A change here makes every package that is out there unservable: raise CODE_VERSION only when
    the pixels change, and say so in the changelog.
    """
    plain = Recipe(height=224, width=224)
    assert plain.hash() == "cc7709273c30915dd7857cbf75af893f61caf93cc8695583a7a4448fe59a5654"
    other = Recipe(height=224, width=192, fit="squash", crop_ratio=1.0, filter="bicubic")
    assert other.hash() == "f57f4bba4b0081b8f84f482ad478d96a5aadea37743265a20170e5af1df2c393"


@pytest.mark.parametrize(
    "changed", [{"height": 32}, {"width": 32}, {"fit": "squash"}, {"crop_ratio": 1.0}]
)
def test_every_option_counts_in_the_hash(changed: dict[str, object]) -> None:
    """Two recipes that differ have hashes that differ."""
    assert (
        Recipe(height=24, width=24).hash()
        != Recipe(**{"height": 24, "width": 24, **changed}).hash()
    )


def test_foreign_hash_is_refused() -> None:
    """A package made by other preprocessing is refused with both hashes."""
    recipe = Recipe(height=24, width=24)
    require_implemented(recipe, recipe.hash())
    with pytest.raises(PackageError, match="is not one that this midrib implements"):
        require_implemented(recipe, "0" * 64)


def test_unknown_option_is_refused() -> None:
    """A misspelt option of a recipe is refused with the nearest."""
    with pytest.raises(ConfigError, match="did you mean 'crop_ratio'"):
        Recipe(height=24, width=24, crop_ration=1.0)


@given(recipe=RECIPES, size=st.tuples(st.integers(1, 150), st.integers(2, 150)))
def test_model_input_has_the_canonical_size(recipe: Recipe, size: tuple[int, int]) -> None:
    """Any picture becomes uint8 RGB of the recipe's height and width."""
    if max(size) > 100 * min(size):
        return
    pixels = read_picture(encode(scene(*size), "JPEG"), recipe)
    assert pixels.shape == (recipe.height, recipe.width, 3)
    assert pixels.dtype == np.uint8


@given(
    recipe=RECIPES,
    kind=st.sampled_from(sorted(every_kind())),
)
def test_training_sees_what_serving_sees(recipe: Recipe, kind: str) -> None:
    """The centre of what training augments is exactly what evaluation and serving read."""
    data = every_kind()[kind]
    np.testing.assert_array_equal(
        centre_crop(read_resized(data, recipe), recipe), read_picture(data, recipe)
    )


@given(recipe=RECIPES, size=st.tuples(st.integers(2, 150), st.integers(2, 150)))
def test_resizing_keeps_the_aspect_ratio(recipe: Recipe, size: tuple[int, int]) -> None:
    """With 'crop' the resized picture covers its target, tightly, in the picture's own shape."""
    resized = resize(scene(*size), recipe)
    height, width = shrink_target(recipe)
    if recipe.fit == "squash":
        assert resized.shape[:2] == (height, width)
        return
    assert resized.shape[0] >= height
    assert resized.shape[1] >= width
    scale = max(height / size[0], width / size[1])
    assert abs(resized.shape[0] - size[0] * scale) <= 1
    assert abs(resized.shape[1] - size[1] * scale) <= 1


def test_canonical_picture_is_not_touched() -> None:
    """A picture of exactly the size that is needed is passed through."""
    recipe = Recipe(height=20, width=30, crop_ratio=1.0)
    pixels = scene(20, 30)
    np.testing.assert_array_equal(read_picture(encode(pixels, "PNG"), recipe), pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(161, 205), (200, 160), (163, 167)])
def test_turned_pictures_are_read_alike(orientation: int, size: tuple[int, int]) -> None:
    """A picture stored turned gives the pixels of the same picture stored upright.

    The JPEGs are decoded smaller, with sides that are no multiples of the factor.
    """
    recipe = Recipe(height=16, width=16)
    stored = scene(*size)
    turns = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: stored.transpose(1, 0, 2)[:, ::-1],
        7: stored.transpose(1, 0, 2)[::-1, ::-1],
        8: stored.transpose(1, 0, 2)[::-1],
    }
    turned = read_picture(encode_turned(stored, "JPEG", orientation, quality=95), recipe)
    upright = read_picture(
        encode(np.ascontiguousarray(turns[orientation]), "PNG", compress_level=1), recipe
    )
    assert np.abs(turned.astype(int) - upright).mean() < 2


def test_threads_do_not_disturb_each_other() -> None:
    """Pictures read in eight threads at once are those read one after the other."""
    recipe = Recipe(height=24, width=24)
    files = list(every_kind().values()) * 8
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: read_picture(data, recipe), files))
    for data, pixels in zip(files, together, strict=True):
        np.testing.assert_array_equal(pixels, read_picture(data, recipe))
