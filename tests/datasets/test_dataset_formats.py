"""Every format keeps what the contract promises."""

from __future__ import annotations

import pytest

from midrib.datasets.formats import DATASET_FORMATS
from midrib.testing.formats import FormatContract


class TestClassFolders(FormatContract):
    name = "class-folders"


class TestSplitFolders(FormatContract):
    name = "split-folders"


class TestCoco(FormatContract):
    name = "coco"


class TestCsv(FormatContract):
    name = "csv"


class TestCvat(FormatContract):
    name = "cvat"


class TestImageFolder(FormatContract):
    name = "imagefolder"


class TestInstanceMasks(FormatContract):
    name = "instance-masks"


class TestJsonl(FormatContract):
    name = "jsonl"


class TestLabelMe(FormatContract):
    name = "labelme"


class TestMasks(FormatContract):
    name = "masks"


class TestVoc(FormatContract):
    name = "voc"


class TestYolo(FormatContract):
    name = "yolo"


def test_every_format_has_its_contract() -> None:
    """No built-in format goes without."""
    checked = {each.name for each in FormatContract.__subclasses__()}
    assert checked == set(DATASET_FORMATS)


def test_jsonl_loses_nothing() -> None:
    """The format that holds all names none of it as lost."""
    holds = DATASET_FORMATS.get("jsonl").holds
    assert holds.both
    assert holds.own_box
    assert holds.pixels == "shared"
    with pytest.raises(AttributeError):
        holds.both = False  # type: ignore[misc]
