"""One picture of 24 × 16 pixels, annotated by hand in each format that tells objects."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

SIZE = 24, 16
GOOD = ("1", "2", "3", "4")
"""Left, top, width and height as they are written."""
GOOD_XYXY = (1.0, 2.0, 4.0, 6.0)


@dataclass(frozen=True)
class Source:
    """Where the picture lies, what tells of it, and where in that the last object stands."""

    root: Path
    table: Path
    place: str


Make = Callable[[Path, tuple[str, str, str, str], str], Source]
"""Lays a good object and one more, of those numbers and that class, into a folder."""


def coco(root: Path, box: tuple[str, ...], label: str) -> Source:
    """The class is told by its number: 1 is Baum, none other."""
    category = {"Baum": "1", "": "null"}.get(label, "7")
    shapes = [f'{{"id": {n}, "image_id": 1, "category_id": {c}, "bbox": [{", ".join(b)}]}}'
              for n, c, b in ((1, "1", GOOD), (2, category, map(_json, box)))]  # fmt: skip
    image = json.dumps({"id": 1, "file_name": "a.png", "width": SIZE[0], "height": SIZE[1]})
    head = f'{{"images": [{image}], "categories": [{{"id": 1, "name": "Baum"}}]'
    text = f'{head},\n"annotations": [{", ".join(shapes)}]}}'
    return _laid(root, "a.png", "all.json", text, "annotations[1]")


def jsonl(root: Path, box: tuple[str, ...], label: str) -> Source:
    shapes = [
        f'{{"label": {json.dumps(name)}, "xyxy": [{", ".join(map(_json, _edges(numbers)))}]}}'
        for name, numbers in (("Baum", GOOD), (label, box))
    ]
    text = f'{{"path": "a.png", "objects": [{", ".join(shapes)}]}}\n'
    return _laid(root, "a.png", "labels.jsonl", text, "line 1, objects[1]")


def imagefolder(root: Path, box: tuple[str, ...], label: str) -> Source:
    boxes = ", ".join(f"[{', '.join(map(_json, numbers))}]" for numbers in (GOOD, box))
    objects = f'{{"bbox": [{boxes}], "categories": ["Baum", {json.dumps(label)}]}}'
    text = f'{{"file_name": "a.png", "objects": {objects}}}\n'
    return _laid(root, "a.png", "metadata.jsonl", text, "line 1, objects[1]")


def csv(root: Path, box: tuple[str, ...], label: str) -> Source:
    rows = [",".join(["a.png", name, *_edges(numbers)])
            for name, numbers in (("Baum", GOOD), (label, box))]  # fmt: skip
    text = "\n".join(["path,label,xmin,ymin,xmax,ymax", *rows, ""])
    return _laid(root, "a.png", "labels.csv", text, "line 3")


def labelme(root: Path, box: tuple[str, ...], label: str) -> Source:
    shapes = []
    for name, numbers in (("Baum", GOOD), (label, box)):
        left, top, right, bottom = map(_json, _edges(numbers))
        points = f"[[{left}, {top}], [{right}, {bottom}]]"
        shapes.append(
            f'{{"label": {json.dumps(name)}, "shape_type": "rectangle", "points": {points}}}'
        )
    text = f'{{"imagePath": "a.png", "shapes": [{", ".join(shapes)}]}}'
    return _laid(root, "a.png", "a.json", text, "shapes[1]")


def voc(root: Path, box: tuple[str, ...], label: str) -> Source:
    lines = ["<annotation>", "<filename>a.png</filename>"]
    for name, numbers in (("Baum", GOOD), (label, box)):
        edges = zip(("xmin", "ymin", "xmax", "ymax"), _edges(numbers), strict=True)
        inside = "".join(f"<{edge}>{value}</{edge}>" for edge, value in edges)
        lines.append(f"<object><name>{name}</name><bndbox>{inside}</bndbox></object>")
    return _laid(root, "a.png", "a.xml", "\n".join([*lines, "</annotation>"]), "line 4")


def cvat(root: Path, box: tuple[str, ...], label: str) -> Source:
    lines = ["<annotations>", '<image name="a.png">']
    for name, numbers in (("Baum", GOOD), (label, box)):
        edges = zip(("xtl", "ytl", "xbr", "ybr"), _edges(numbers), strict=True)
        inside = " ".join(f'{edge}="{value}"' for edge, value in edges)
        lines.append(f'<box label="{name}" {inside}/>')
    text = "\n".join([*lines, "</image>", "</annotations>"])
    return _laid(root, "a.png", "annotations.xml", text, "line 4")


def yolo(root: Path, box: tuple[str, ...], label: str) -> Source:
    """The class is told by its number: 0 is Baum, none other."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "data.yaml").write_text("names: [Baum]\ntrain: images\n")
    index = {"Baum": "0", "": ""}.get(label, "7")
    lines = [" ".join([name, *_shares(numbers)]) for name, numbers in (("0", GOOD), (index, box))]
    return _laid(root, "images/a.png", "labels/a.txt", "\n".join(lines), "line 2")


SOURCES: dict[str, Make] = {
    each.__name__: each  # type: ignore[attr-defined]  # functions all have one
    for each in (coco, csv, cvat, imagefolder, jsonl, labelme, voc, yolo)
}


def _laid(root: Path, picture: str, table: str, text: str, place: str) -> Source:
    for path in (root / picture, root / table):
        path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", SIZE).save(root / picture)
    (root / table).write_text(text, encoding="utf-8")
    return Source(root, root / table, place)


def _edges(box: tuple[str, ...]) -> list[str]:
    """Left, top, right and bottom; a word in place of a number stays that word."""
    left, top, width, height = box
    return [left, top, _sum(left, width), _sum(top, height)]


def _sum(start: str, length: str) -> str:
    words = [text for text in (start, length) if not _is_number(text)]
    return words[0] if words else f"{float(start) + float(length):g}"


def _shares(box: tuple[str, ...]) -> list[str]:
    """Centre and size as shares of the picture."""
    left, top, width, height = box
    centre = [_sum(left, _half(width)), _sum(top, _half(height))]
    sides = (*SIZE, *SIZE)
    return [
        f"{float(text) / side:.12f}" if _is_number(text) else text
        for text, side in zip((*centre, width, height), sides, strict=True)
    ]


def _half(text: str) -> str:
    return str(float(text) / 2) if _is_number(text) else text


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).replace("e", "", 1).isdigit()


def _json(text: str) -> str:
    """A number, or a word that Python's JSON knows, as it is; else a text."""
    return text if _is_number(text) or text in {"NaN", "Infinity"} else json.dumps(text)
