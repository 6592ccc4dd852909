"""A detector looks at a large picture tile by tile, and finds each object once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_detector import SIDE, drawn_picture, encoded, make_tiny_detector

from midrib.datasets import Item
from midrib.datasets.annotations import Annotation
from midrib.engines import Predictor, load_predictor, rehearse
from midrib.errors import ConfigError, UsageError
from midrib.evaluation import DetectionEvaluation, evaluate_package
from midrib.packages import Package
from midrib.records import Detections
from midrib.tiling import Tiling

TILES = Tiling(size=SIDE, overlap=24)
OBJECTS = [
    ("red", (50, 10, 74, 30)),  # on a seam, and larger than an overlap's half
    ("blue", (90, 70, 150, 110)),  # in no tile whole
    ("red", (160, 10, 180, 22)),
]
HEIGHT, WIDTH = 130, 200


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return make_tiny_detector(tmp_path_factory.mktemp("blobs") / "package", tiles=TILES)


@pytest.fixture(scope="module")
def predictor(blobs: Package) -> Predictor:
    return load_predictor(blobs, engine="onnxruntime")


def found_in(predictor: Predictor, data: bytes) -> list[tuple[str, tuple[float, ...]]]:
    [answer] = predictor.predict([data])
    assert isinstance(answer, Detections)
    boxes = [tuple(box) for box in answer.boxes.round(2).tolist()]
    return sorted(zip(answer.labels, boxes, strict=True))


def test_each_object_is_found_once_where_it_is(predictor: Predictor) -> None:
    """Objects on seams, in corners and in no tile whole come back in the picture's own pixels."""
    data = encoded(drawn_picture(HEIGHT, WIDTH, OBJECTS))
    assert found_in(predictor, data) == sorted((label, box) for label, box in OBJECTS)


def test_the_whole_at_once_is_told_from_tiles(blobs: Package, predictor: Predictor) -> None:
    """Without tiles the picture is shrunk to the input, and what it answers is another thing."""
    data = encoded(drawn_picture(HEIGHT, WIDTH, OBJECTS))
    whole = replace(predictor, tiles=None)
    assert found_in(whole, data) != found_in(predictor, data)
    other = load_predictor(blobs, engine="onnxruntime", tiles=Tiling(size=48, overlap=24))
    assert other.tiles == Tiling(size=48, overlap=24)
    places = [box for _, box in found_in(other, data)]
    np.testing.assert_allclose(places, [box for _, box in sorted(OBJECTS)], atol=1)


def test_a_picture_of_a_tile_is_looked_at_as_ever(predictor: Predictor) -> None:
    """What is no larger than a tile is answered exactly as without tiles."""
    data = encoded(drawn_picture(SIDE, SIDE - 9, [("red", (3, 4, 20, 30))]))
    view = predictor.view(data)
    assert view.large is None
    assert found_in(predictor, data) == found_in(replace(predictor, tiles=None), data)


def test_a_turned_picture_is_cut_upright(predictor: Predictor) -> None:
    """Tiles are of the picture after its EXIF orientation, and so are the boxes."""
    upright = Image.fromarray(drawn_picture(HEIGHT, WIDTH, OBJECTS))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(np.asarray(upright.transpose(Image.Transpose.ROTATE_90)), exif=exif)
    assert found_in(predictor, turned) == sorted((label, box) for label, box in OBJECTS)


def test_a_batch_may_hold_both(predictor: Predictor) -> None:
    """Small and large pictures asked together are answered in their order."""
    large = encoded(drawn_picture(HEIGHT, WIDTH, OBJECTS))
    small = encoded(drawn_picture(SIDE, SIDE, [("blue", (1, 2, 30, 40))]))
    answers = predictor.predict([small, large, small])
    assert [len(answer.boxes) for answer in answers if isinstance(answer, Detections)] == [1, 3, 1]
    assert all(answer.embedding.shape == (3,) for answer in answers)


def test_evaluation_looks_as_the_predictor_does(
    blobs: Package, predictor: Predictor, tmp_path: Path
) -> None:
    """A package that says tiles is scored by tiles: every object of a large picture is found."""
    path = tmp_path / "large.png"
    path.write_bytes(encoded(drawn_picture(HEIGHT, WIDTH, OBJECTS)))
    annotations = tuple(Annotation(label, box) for label, box in OBJECTS)
    items = [Item(path, (), width=WIDTH, height=HEIGHT, annotations=annotations)]
    scored = evaluate_package(blobs, items, predictor, split="test")
    assert isinstance(scored, DetectionEvaluation)
    assert scored.score("ap50").value == 1
    whole = evaluate_package(blobs, items, replace(predictor, tiles=None), split="test")
    assert whole.score("ap50").value <= 0.5


def test_a_package_that_says_tiles_is_rehearsed(blobs: Package, predictor: Predictor) -> None:
    """Its samples are answered as its maker did."""
    assert rehearse(predictor, blobs) < 1e-5


def test_tiles_are_for_detectors(colours: Package) -> None:
    """A classifier with tiles is refused, and so are tiles that share more than half."""
    with pytest.raises(UsageError, match="made for classification"):
        load_predictor(colours, engine="onnxruntime", tiles=TILES)
    with pytest.raises(ConfigError, match="at most half"):
        Tiling(size=32, overlap=17)
