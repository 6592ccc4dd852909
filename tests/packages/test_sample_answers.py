from __future__ import annotations

import json

import numpy as np
import pytest
from tiny_package import make_tiny_package

from midrib.errors import PackageError
from midrib.packages import Package
from midrib.packages.sample_answers import plain, read_answer
from midrib.pasting import MaskPasting
from midrib.postprocessing import Suppression
from midrib.records import Found
from midrib.run_lengths import encode_runs

MASK = encode_runs(np.eye(5, dtype=np.bool_))
FOUND = Found(
    np.array([[0, 0, 5, 5], [1, 1, 4, 4.5]], np.float32),
    np.array([0.9, 0.25], np.float32),
    np.array([1, 0]),
    (MASK, MASK),
)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return make_tiny_package(tmp_path_factory.mktemp("colours") / "package")


def drawing(package: Package) -> Package:
    """The package as if it were a detector's that draws."""
    told = {"task": "detection", "suppression": Suppression(), "masks": MaskPasting(cells=28)}
    return Package(package.folder, package.card.model_copy(update=told))


def test_objects_with_masks_are_read_as_they_were_written(package: Package) -> None:
    """Boxes, scores, classes and masks of a sample come back from its JSON."""
    told = json.loads(json.dumps(plain(FOUND)))
    again = read_answer(drawing(package).card, "0.png", told)
    assert isinstance(again, Found)
    assert again.masks == FOUND.masks
    for one, other in zip(again[:3], FOUND[:3], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ([[0, 0, 5, 5, 0.9, 1]], "holds no objects with masks"),
        ({"objects": [[0, 0, 5, 5, 0.9, 1]], "masks": []}, "holds 0 masks of 1"),
        ({"objects": [[0, 0, 5, 5, 0.9]], "masks": [{}]}, "holds 5 numbers"),
        ({"objects": [[0, 0, 5, 5, 0.9, 7]], "masks": [{}]}, "holds an object of class 7"),
        ({"objects": [[0, 0, 5, 5, 0.9, 1]], "masks": [7]}, "holds a mask that is none"),
        ({"objects": [[0, 0, 5, 5, 0.9, 1]], "masks": [{"size": [5, 5]}]}, "mask that is none"),
        (
            {"objects": [[0, 0, 5, 5, 0.9, 1]], "masks": [{"size": [5, 5], "counts": "~~"}]},
            "holds a mask that is none",
        ),
    ],
)
def test_what_are_no_objects_with_masks_is_refused(
    package: Package, told: object, what: str
) -> None:
    """A broken answer is told in one line with the sample's name."""
    with pytest.raises(PackageError, match=what) as caught:
        read_answer(drawing(package).card, "0.png", told)
    assert "0.png" in caught.value.came
