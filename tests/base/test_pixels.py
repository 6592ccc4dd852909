from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from midrib.postprocessing import classify_pixels, painted, pixel_confidence
from midrib.preprocessing import Recipe, centre_crop, place_of, resize
from midrib.records import NOTHING, Segmentation, Size
from midrib.run_lengths import MaskError, encode_runs

LABELS = ("background", "ball", "box")


def _logits(classes: int, rows: int, columns: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(0, 3, (classes, rows, columns)).astype(np.float32)


@given(st.integers(2, 5), st.integers(1, 4), st.integers(0, 100))
def test_pixels_are_decided_as_torch_scales(classes: int, stride: int, seed: int) -> None:
    """The class of a pixel is that of the highest bilinearly scaled logit."""
    logits = _logits(classes, 6, 9, seed)
    size = Size(6 * stride, 9 * stride)
    decided = classify_pixels(logits, (0, 0, 9, 6), size, positive=None, threshold=0.5)
    scaled = functional.interpolate(torch.from_numpy(logits)[None], size=size, mode="bilinear")[0]
    highest, second = scaled.topk(2, dim=0).values
    sure = (highest - second).numpy() > 1e-4
    assert decided.shape == size
    assert np.array_equal(decided[sure], scaled.argmax(dim=0).numpy()[sure])


def test_a_threshold_moves_the_edge_of_one_class() -> None:
    """Half is the most probable class; more is asked of fewer pixels, and nothing of all."""
    logits = _logits(2, 8, 8)
    told = [
        classify_pixels(logits, (0, 0, 8, 8), Size(32, 32), positive=1, threshold=threshold)
        for threshold in (0.0, 0.3, 0.5, 0.9, 1.0)
    ]
    counts = [int(each.sum()) for each in told]
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (32 * 32, 0)
    most_probable = classify_pixels(
        logits, (0, 0, 8, 8), Size(32, 32), positive=None, threshold=0.5
    )
    assert np.array_equal(told[2], most_probable)


def test_large_pictures_are_decided_in_strips_without_a_seam() -> None:
    """What is decided part by part is what would be decided at once."""
    logits = _logits(3, 4, 4)
    size = Size(2500, 2000)
    decided = classify_pixels(logits, (0, 0, 4, 4), size, positive=None, threshold=0.5)
    scaled = functional.interpolate(torch.from_numpy(logits)[None], size=size, mode="bilinear")[0]
    highest, second = scaled.topk(2, dim=0).values
    sure = (highest - second).numpy() > 1e-3
    assert np.array_equal(decided[sure], scaled.argmax(dim=0).numpy()[sure])


@pytest.mark.parametrize("fit", ["letterbox", "squash"])
@pytest.mark.parametrize("size", [(40, 96), (96, 40), (33, 35), (300, 120)])
def test_what_is_seen_comes_back_to_where_it_was(fit: str, size: tuple[int, int]) -> None:
    """A bright block of a picture is told at its own pixels, whatever the input's size."""
    picture = np.zeros((*size, 3), np.uint8)
    block = slice(size[0] // 4, size[0] * 3 // 4), slice(size[1] // 3, size[1] * 2 // 3)
    picture[block] = 255
    recipe = Recipe(height=64, width=64, fit=fit)
    seen = centre_crop(resize(picture, recipe), recipe)[..., 0].astype(np.float32)
    logits = np.stack([127.5 - seen, seen - 127.5])
    region = place_of(recipe, Size(*size))
    decided = classify_pixels(logits, region, Size(*size), positive=None, threshold=0.5)
    expected = picture[..., 0] > 0
    wrong = (decided > 0) != expected
    # A pixel of the input is several of a large picture: only at the edge may they differ.
    within = max(1, round(max(size) / 64))
    edge = np.zeros(size, np.bool_)
    rows, columns = block
    for row in (rows.start, rows.stop):
        edge[max(0, row - within) : row + within] = True
    for column in (columns.start, columns.stop):
        edge[:, max(0, column - within) : column + within] = True
    assert not (wrong & ~edge).any()


def test_confidence_is_of_the_picture_alone() -> None:
    """Places beside a letterboxed picture have no part in how sure a model is."""
    logits = np.zeros((2, 8, 8), np.float32)
    logits[0, :2] = 50
    assert pixel_confidence(logits, (0, 2, 8, 6)) == pytest.approx(0.5)
    assert pixel_confidence(logits, (0, 0, 8, 2)) == pytest.approx(1.0)


def _answer(classes: np.ndarray) -> Segmentation:
    masks = {
        label: encode_runs(classes == place)
        for place, label in enumerate(LABELS)
        if place and (classes == place).any()
    }
    pixels = {label: int((classes == place).sum()) for place, label in enumerate(LABELS)}
    return Segmentation(Size(*classes.shape), masks, pixels, 0.9, np.zeros(4, np.float32))


def test_an_answer_tells_its_masks() -> None:
    """Its masks give its class map back; the largest class but for background stands for it."""
    classes = np.zeros((6, 10), np.uint8)
    classes[1:3, 2:8], classes[4:, :2] = 2, 1
    answer = _answer(classes)
    assert np.array_equal(painted(answer.masks, LABELS, answer.size), classes)
    assert answer.label == "box"
    record = answer.as_record()
    assert record["size"] == [6, 10]
    assert record["background"] == pytest.approx(44 / 60, abs=1e-6)
    assert [each["label"] for each in record["classes"]] == ["ball", "box"]
    assert _answer(np.zeros((3, 3), np.uint8)).label == NOTHING
    with pytest.raises(MaskError, match="for another picture"):
        painted(answer.masks, LABELS, Size(5, 5))
