"""Sizes that no picture has, outlines without an inside, videos, lines in other encodings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from annotated_sources import GOOD, SOURCES

from midrib.datasets import read_dataset
from midrib.datasets.formats import DATASET_FORMATS
from midrib.errors import DatasetError


@pytest.mark.parametrize("name", ["coco", "cvat", "labelme", "voc"])
@pytest.mark.parametrize("size", [("-24", "16"), ("1e300", "1e300"), ("99999999", "99999999")])
def test_a_size_that_no_picture_has_is_told(
    name: str, size: tuple[str, str], tmp_path: Path
) -> None:
    """Nothing is laid into a picture of such a size: it is told in a line, and left out."""
    source = SOURCES[name](tmp_path / "data", GOOD, "Baum")
    width, height = size
    tell = {
        "coco": ('"width": 24, "height": 16', f'"width": {width}, "height": {height}'),
        "cvat": ('name="a.png"', f'name="a.png" width="{width}" height="{height}"'),
        "labelme": ("{", f'{{"imageWidth": {width}, "imageHeight": {height}, '),
        "voc": ("<filename>", f"<size><width>{width}</width><height>{height}</height></size>"
                "<filename>"),
    }  # fmt: skip
    source.table.write_text(source.table.read_text().replace(*tell[name], 1))
    found = DATASET_FORMATS.get(name)().list_pictures(source.root)
    assert len(found.entries) == 0
    assert (source.table, "no record") in {(each.path, each.kind) for each in found.problems}
    assert all(len(each.reason) < 120 for each in found.problems)


@pytest.mark.parametrize("name", ["coco", "cvat", "voc", "yolo"])
def test_a_size_of_zero_is_not_known(name: str, tmp_path: Path) -> None:
    """Some tools write 0 for what they do not know: the picture itself tells its size."""
    source = SOURCES[name](tmp_path / "data", GOOD, "Baum")
    text = source.table.read_text().replace('"width": 24, "height": 16', '"width": 0, "height": 0')
    source.table.write_text(text.replace('name="a.png"', 'name="a.png" width="0" height="0"'))
    [entry] = DATASET_FORMATS.get(name)().list_pictures(source.root).entries
    assert (entry.width, entry.height, len(entry.annotations)) == (24, 16, 2)


def test_corners_on_one_line_are_no_outline(tmp_path: Path) -> None:
    """They span a box, but there is nothing inside; a bow tie, which covers pixels, is one."""
    source = SOURCES["labelme"](tmp_path / "data", GOOD, "Baum")
    shapes = [
        [[1, 1], [5, 5], [9, 9]],
        [[1, 1], [1, 1], [9, 9], [5, 5]],
        [[1, 1], [9, 9], [9, 1], [1, 9]],
    ]
    listed = [{"label": "Baum", "shape_type": "polygon", "points": points} for points in shapes]
    source.table.write_text(json.dumps({"imagePath": "a.png", "shapes": listed}))
    found = DATASET_FORMATS.get("labelme")().list_pictures(source.root)
    assert [(each.kind, each.reason.split(":")[0]) for each in found.problems] == [
        ("bad outline", "shapes[0]"),
        ("bad outline", "shapes[1]"),
    ]
    assert len(found.entries[0].annotations) == 1


def test_tracks_of_a_video_are_told(tmp_path: Path) -> None:
    """CVAT writes videos under the same name: nothing of them is read, and that is said."""
    source = SOURCES["cvat"](tmp_path / "data", GOOD, "Baum")
    track = '<track id="0" label="Baum"><box frame="0" xtl="1" ytl="1" xbr="2" ybr="2"/></track>'
    text = source.table.read_text().replace("<annotations>", f"<annotations>\n{track}")
    source.table.write_text(text)
    found = DATASET_FORMATS.get("cvat")().list_pictures(source.root)
    [problem] = found.problems
    assert (problem.kind, problem.reason[:7]) == ("unknown shape", "line 2:")
    assert len(found.entries) == 1


@pytest.mark.parametrize("name", ["labels.csv", "labels.jsonl"])
def test_a_line_that_is_no_utf8_is_named(name: str, tmp_path: Path) -> None:
    """A table that a spreadsheet saved in another encoding is refused with the first such line."""
    rows = {"labels.csv": "path,label\na.png,cat\nb.png,Gr\xfcn\n"}
    text = rows.get(
        name, '{"path": "a.png", "label": "cat"}\n\n{"path": "b.png", "label": "\xfc"}\n'
    )
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(DatasetError, match=f"{name}, line 3: not UTF-8"):
        read_dataset(tmp_path)
