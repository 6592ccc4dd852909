"""What moves a picture moves its boxes, outlines and masks: the pixels are asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torchvision.transforms import v2
from training.painted import OBJECT, painted, painted_scenes, seen, span

from midrib.datasets import Item
from midrib.datasets.annotations import Annotation
from midrib.datasets.masks import encode_mask, rasterize
from midrib.training.augmentation import picture_generator
from midrib.training.mosaic import mosaic
from midrib.training.scene_augmentation import SCENE_AUGMENTATIONS
from midrib.training.scenes import Scene, scene_of, transformed

SIZE = (64, 96)
RECIPES = list(SCENE_AUGMENTATIONS)
seeds = st.integers(0, 2**32)


def augmented(name: str, scene: Scene, seed: int) -> Scene:
    return SCENE_AUGMENTATIONS.get(name)(scene, SIZE, picture_generator(seed, 0, 0))


def differing(one: np.ndarray, other: np.ndarray) -> float:
    """Pixels that are in one only, over the length of the outline: how far apart outlines are."""
    either = one | other
    left, top, right, bottom = span(either)
    return float((one ^ other).sum() / (2 * (right - left + bottom - top)))


def near(box: np.ndarray, other: np.ndarray, pixels: float) -> bool:
    return bool(np.abs(box - other).max() <= pixels)


@pytest.mark.parametrize("name", RECIPES)
@settings(max_examples=25)
@given(scene=painted_scenes(corners=[4]), seed=seeds)
def test_the_box_still_spans_the_object(name: str, scene: Scene, seed: int) -> None:
    """A painted object, found again in the pixels, is spanned by its box to two pixels."""
    found = augmented(name, scene, seed)
    assert found.pixels.shape == (*SIZE, 3)
    assert found.pixels.dtype == np.uint8
    assume(len(found.boxes))
    visible = seen(found.pixels)
    assume(visible.sum() > 30)
    assert near(found.boxes[0], span(visible), 2)


@pytest.mark.parametrize("name", RECIPES)
@settings(max_examples=25)
@given(scene=painted_scenes(with_masks=False), seed=seeds)
def test_outlines_move_with_the_pixels(name: str, scene: Scene, seed: int) -> None:
    """What the outlines cover is what is painted, and the box is what they span."""
    found = augmented(name, scene, seed)
    assume(len(found.boxes))
    visible = seen(found.pixels)
    assume(visible.sum() > 30)
    covered = rasterize(found.polygons[0], *SIZE)
    assert differing(covered, visible) <= 1.5
    xs, ys = (np.concatenate([each[axis::2] for each in found.polygons[0]]) for axis in (0, 1))
    assert near(found.boxes[0], np.array([xs.min(), ys.min(), xs.max(), ys.max()]), 1)


@pytest.mark.parametrize("name", RECIPES)
@settings(max_examples=25)
@given(scene=painted_scenes(), seed=seeds)
def test_outlines_and_masks_agree(name: str, scene: Scene, seed: int) -> None:
    """The mask is what the outlines cover."""
    found = augmented(name, scene, seed)
    assert found.masks is not None
    assert found.masks.shape == (len(found.boxes), *SIZE)
    assume(len(found.boxes))
    assert differing(rasterize(found.polygons[0], *SIZE), found.masks[0]) <= 1.5
    assert near(found.boxes[0], span(found.masks[0]), 0)


@pytest.mark.parametrize("name", RECIPES)
@given(seed=seeds)
@settings(max_examples=10)
def test_the_same_seed_gives_the_same_scene(name: str, seed: int) -> None:
    """(seed, epoch, index) alone decide, and torch's own randomness is left as it was."""
    scene = painted(60, 80, (10.0, 10.0, 50.0, 12.0, 40.0, 50.0))
    torch.manual_seed(1)
    first = augmented(name, scene, seed)
    untouched = torch.rand(3)
    torch.manual_seed(2)
    second = augmented(name, scene, seed)
    np.testing.assert_array_equal(first.pixels, second.pixels)
    np.testing.assert_array_equal(first.boxes, second.boxes)
    assert first.polygons == second.polygons
    torch.manual_seed(1)
    assert torch.equal(torch.rand(3), untouched)


@given(
    scene=painted_scenes(), flip=st.sampled_from([v2.RandomHorizontalFlip, v2.RandomVerticalFlip])
)
def test_a_flip_is_its_own_inverse(scene: Scene, flip: type[v2.Transform]) -> None:
    """Flipped twice a scene is what it was, to the last bit."""
    twice = transformed(transformed(scene, flip(p=1)), flip(p=1))
    np.testing.assert_array_equal(twice.pixels, scene.pixels)
    np.testing.assert_array_equal(twice.masks, scene.masks)
    np.testing.assert_array_equal(twice.boxes, scene.boxes)
    np.testing.assert_allclose(twice.polygons[0][0], scene.polygons[0][0])


@given(scene=painted_scenes(), angle=st.sampled_from([90, 180, 270]))
def test_turning_back_is_the_inverse(scene: Scene, angle: int) -> None:
    """Turned by a right angle and back, a square scene is what it was."""
    square = transformed(scene, v2.Resize((96, 96)))

    def turn(by: int) -> v2.Transform:
        return v2.RandomRotation((by, by))

    back = transformed(transformed(square, turn(angle)), turn(-angle))
    np.testing.assert_array_equal(back.masks, square.masks)
    np.testing.assert_allclose(back.boxes, square.boxes, atol=1e-3)


@given(scene=painted_scenes(corners=[4]))
def test_without_augmentation_the_whole_picture_stands_in_the_frame(scene: Scene) -> None:
    """The recipe none keeps every object and its share of the picture."""
    found = augmented("none", scene, 0)
    height, width = scene.pixels.shape[:2]
    scale = min(SIZE[0] / height, SIZE[1] / width)
    before = (scene.boxes[0, 2:] - scene.boxes[0, :2]) * scale
    after = found.boxes[0, 2:] - found.boxes[0, :2]
    assert np.abs(before - after).max() <= 2


@settings(max_examples=25)
@given(scenes=st.lists(painted_scenes(), min_size=4, max_size=4), seed=seeds)
def test_a_mosaic_has_the_objects_of_four(scenes: list[Scene], seed: int) -> None:
    """Each object that is left is spanned by its box, and nothing painted is without a box."""
    numbered = [replace(scene, classes=np.array([n])) for n, scene in enumerate(scenes)]
    found = mosaic(numbered, SIZE, picture_generator(seed, 0, 0))
    assert found.pixels.shape == (*SIZE, 3)
    assert len(set(found.classes.tolist())) == len(found.classes)
    bright = found.pixels[..., 0] > 0.8 * OBJECT
    assert found.masks is not None
    for box, mask, outlines in zip(found.boxes, found.masks, found.polygons, strict=True):
        assert near(box, span(mask), 0)
        assert differing(rasterize(outlines, *SIZE), mask) < 1
        assert differing(bright & mask, mask) < 1
    if len(found.boxes) == 4:
        assert (bright & ~found.masks.any(axis=0)).mean() < 0.03


def test_a_scene_is_made_of_an_item_at_any_size() -> None:
    """Coordinates of the whole picture become those of the smaller one that was decoded."""
    mask = np.zeros((80, 120), np.bool_)
    mask[20:40, 60:90] = True
    item = Item(
        path=Path("/x.png"),
        labels=(),
        width=120,
        height=80,
        annotations=(
            Annotation("b", (60, 20, 90, 40), mask=encode_mask(mask)),
            Annotation("a", (0, 0, 30, 40), polygons=((0, 0, 30, 0, 30, 40, 0, 40),)),
            Annotation("a", (100, 60, 120, 80)),
            Annotation("a", (0, 0, 120, 80), crowd=True),
        ),
    )
    scene = scene_of(item, np.zeros((40, 60, 3), np.uint8), ["a", "b"], with_masks=True)
    assert scene.classes.tolist() == [1, 0, 0]
    assert scene.boxes.tolist() == [[30, 10, 45, 20], [0, 0, 15, 20], [50, 30, 60, 40]]
    assert scene.masks is not None
    for box, drawn in zip(scene.boxes, scene.masks, strict=True):
        np.testing.assert_allclose(span(drawn), box, atol=1)


def test_objects_that_leave_the_frame_are_left_out() -> None:
    """An object of which less than a tenth is left does not count, a scene may become empty."""
    scene = painted(100, 100, (0.0, 0.0, 20.0, 0.0, 20.0, 20.0, 0.0, 20.0))

    def crop(left: int) -> Scene:
        return transformed(
            scene,
            lambda given: {
                name: v2.functional.crop(each, 0, left, 60, 60) for name, each in given.items()
            },
        )

    assert len(crop(10).boxes) == 1
    assert crop(10).boxes[0].tolist() == [0, 0, 10, 20]
    assert len(crop(19).boxes) == 0
    assert len(augmented("strong", crop(19), 5).boxes) == 0
