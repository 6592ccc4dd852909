from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np

from midrib.datasets.masks import encode_mask
from midrib.evaluation.detection_figures import MOST_CLASSES, detection_figures
from midrib.evaluation.figures import Figure
from midrib.evaluation.overlays import FOUND, MISSED, OUTCOMES, STRAY, draw_class_map, draw_outcomes
from midrib.metrics import (
    FoundObjects,
    TrueObjects,
    detection_confusion,
    detection_scores,
    error_kinds,
)

LEAST = 0.5
ONE, ANOTHER, NOWHERE = [10, 10, 40, 40], [60, 60, 90, 90], [10, 60, 30, 80]


def _truth(*classes: int) -> TrueObjects:
    boxes = np.array([ONE, ANOTHER][: len(classes)], np.float32)
    return TrueObjects(boxes, np.array(classes), np.zeros(len(classes), np.bool_))


def _found(*boxes: list[int], label: int = 0) -> FoundObjects:
    xyxy = np.array(boxes, np.float32)
    scores = np.linspace(0.9, 0.6, len(boxes), dtype=np.float32)
    return FoundObjects(xyxy, scores, np.full(len(boxes), label))


def _figures(truth: TrueObjects, found: FoundObjects, labels: tuple[str, ...]) -> list[Figure]:
    scores = detection_scores([truth], [found], labels)
    errors = error_kinds([truth], [found], len(labels))
    matrix = detection_confusion([truth], [found], len(labels), least_score=LEAST)
    return detection_figures(scores, errors, matrix, labels, least_score=LEAST)


def test_each_figure_is_a_picture_with_its_words() -> None:
    """Curves, matrix and errors are drawn as SVG, and what they show is said beside them."""
    figures = _figures(_truth(0, 1), _found(ONE, NOWHERE), ("crown", "shrub"))
    for figure in figures:
        assert ET.fromstring(figure.svg).tag == "svg"  # noqa: S314 - our own markup
    assert [figure.title for figure in figures] == [
        "Precision and recall at an overlap of 0.5",
        "What is taken for what",
        "What errors cost",
    ]
    curves, matrix, errors = (figure.alt for figure in figures)
    assert "2 classes: AP50 is 0.500" in curves
    assert "1 of 2 objects are found under their name, 1 are missed, and 1 are none" in matrix
    assert "AP50 is 50.0 %; without errors of the kind 'missed' it would be 100.0 %" in errors
    assert "shrub" in figures[1].svg


def test_what_there_is_not_has_no_figure() -> None:
    """No error and no object leave no empty figure."""
    good = _figures(_truth(0, 0), _found(ONE, ANOTHER), ("crown",))
    assert [figure.title for figure in good][-1] == "What is taken for what"
    nothing = TrueObjects(
        np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.bool_)
    )
    none = FoundObjects(nothing.xyxy, np.zeros(0, np.float32), nothing.classes)
    assert _figures(nothing, none, ("crown",)) == []


def test_a_matrix_of_many_classes_shows_where_mistakes_are() -> None:
    """Of forty classes those that are mistaken are shown, and background always."""
    labels = tuple(f"class-{place:02d}" for place in range(40))
    found = _found(ANOTHER, label=33)
    matrix = _figures(_truth(0, 31), found, labels)[1].svg
    shown = {label for label in labels if label in matrix}
    assert {"class-00", "class-31", "class-33"} <= shown
    assert len(shown) == MOST_CLASSES
    assert "background" in matrix
    assert "missed" in matrix


def test_objects_are_drawn_by_how_they_came_out() -> None:
    """What is found, stray and missed has its colour at its edge, and nothing else is touched."""
    pixels = np.full((100, 100, 3), 200, np.uint8)
    drawn = draw_outcomes(pixels, _truth(0, 0), _found(ONE, NOWHERE))
    for box, outcome in ((ONE, FOUND), (NOWHERE, STRAY), (ANOTHER, MISSED)):
        assert tuple(drawn[box[1], box[0]]) == OUTCOMES.colour(outcome)
    assert (drawn[:8] == 200).all()
    assert (pixels == 200).all()


def test_masks_are_drawn_where_there_are_any() -> None:
    """An object with a mask is tinted within it, not framed."""
    mask = np.zeros((100, 100), np.bool_)
    mask[15:35, 15:35] = True
    truth = TrueObjects(
        np.array([[15, 15, 35, 35]], np.float32),
        np.array([0]),
        np.array([False]),
        (encode_mask(mask),),
    )
    pixels = np.full((100, 100, 3), 200, np.uint8)
    none = FoundObjects(
        np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64)
    )
    drawn = draw_outcomes(pixels, truth, none, shape="masks")
    assert ((drawn != 200).any(axis=2) == mask).all()


def test_a_class_map_tints_its_pixels() -> None:
    """Pixels of a class change, those of the plain class and unknown ones stay as they are."""
    pixels = np.full((4, 6, 3), 200, np.uint8)
    classes = np.array([[0, 0, 1, 1, 255, 255]] * 4)
    drawn = draw_class_map(pixels, classes, ("ground", "nucleus"), plain="ground")
    assert ((drawn != 200).any(axis=2) == (classes == 1)).all()
    assert (draw_class_map(pixels, classes, ("ground", "nucleus"))[:, 0] != 200).any()
