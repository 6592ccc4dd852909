"""LabelMe: one JSON file a picture, with shapes.

github.com/wkentaro/labelme. Shapes of one class and one ``group_id`` are one object.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from midrib.datasets.annotations import XYXY, Annotation, Polygon, Rle
from midrib.datasets.formats.cropped import cropped_png, from_cropped_png
from midrib.datasets.formats.finding import (
    LOOKED_AT,
    Finder,
    files_below,
    pictures_below,
    split_of,
)
from midrib.datasets.formats.grouping import Grouped
from midrib.datasets.formats.holding import Holds
from midrib.datasets.formats.interface import (
    DATASET_FORMATS,
    Certainty,
    Entry,
    Format,
    Listing,
)
from midrib.datasets.formats.json_streams import first_keys
from midrib.datasets.formats.objects import (
    Fault,
    annotation,
    number,
    numbers,
    polygon,
    unreadable,
    whole,
)
from midrib.datasets.formats.placing import Placer
from midrib.datasets.formats.sizes import told_size, upright_size
from midrib.datasets.names import clean_label
from midrib.datasets.records import Dataset, Item, Problem
from midrib.errors import DatasetError
from midrib.storage import write_text

_CROWD = "crowd"
_VERSION = "5.5.0"  # whose fields these are
_MAX_BYTES = 1 << 28
_SHAPES = frozenset({"rectangle", "polygon", "mask"})
_CORNERS_OF_A_RECTANGLE = frozenset({2, 4})


@DATASET_FORMATS.register("labelme")
class LabelMe(Format):
    """``.json`` files with ``shapes`` beside their pictures, perhaps in folders of splits."""

    holds = Holds(
        labels="several",
        boxes=True,
        polygons="several",
        masks=True,
        crowd=True,
        attributes=True,
        splits=True,
        classes=False,
    )

    def detect(self, source: Path) -> Certainty:
        found = files_below(source, ".json")[:LOOKED_AT] if source.is_dir() else []
        is_labelme = any("shapes" in first_keys(path) for path in found)
        return Certainty.INDEX if is_labelme else Certainty.NONE

    def list_pictures(self, source: Path) -> Listing:
        root = source.resolve()
        tables = files_below(root, ".json")
        if not tables:
            raise DatasetError(
                f"{source} holds no .json file", expected="one a picture", todo="check the path"
            )
        problems: list[Problem] = []
        labels: set[str] = set()
        entries: dict[Path, Entry] = {}
        for table in tables:
            try:
                entry = _read(table, root, labels, problems)
                if entry.path in entries:
                    told = f"'{entry.path.name}' is annotated by another file too"
                    problems.append(Problem(table, "duplicate id", told))
                entries.setdefault(entry.path, entry)
            except Fault as fault:
                problems.append(fault.at(table, ""))
        stems = {table.with_suffix("") for table in tables}
        problems += [
            Problem(path, "no annotation", "no .json file is called like it")
            for path in pictures_below(root)
            if path not in entries and path.with_suffix("") not in stems
        ]
        labels.update(name for entry in entries.values() for name in _named(entry))
        return Listing(tuple(entries.values()), frozenset(labels), tuple(problems))

    def write(self, dataset: Dataset, placer: Placer) -> None:
        for item in dataset.items:
            path = placer.put(item, item.split or "")
            target = (placer.folder / path).with_suffix(".json")
            write_text(target, json.dumps(_record(item, path.name), ensure_ascii=False, indent=1))


def _named(entry: Entry) -> set[str]:
    return {*entry.labels, *(each.label for each in entry.annotations)}


def _read(table: Path, root: Path, labels: set[str], problems: list[Problem]) -> Entry:
    """The picture of one file. Raises ``Fault`` where there is none."""
    record = _parsed(table)
    path = Finder(root, [table.parent]).find(record.get("imagePath"))
    size = told_size(record.get("imageWidth"), record.get("imageHeight")) or upright_size(path)
    flags = _mapping(record.get("flags"))
    named = {label: value for name, value in flags.items() if (label := clean_label(name))}
    labels.update(named)
    shapes = Grouped(size)
    for index, shape in enumerate(record.get("shapes") or []):
        try:
            _add(shapes, shape)
        except Fault as fault:
            problems.append(fault.at(table, f"shapes[{index}]"))
    own = tuple(label for label, value in named.items() if value is True)
    split = split_of(table.relative_to(root).parts[:-1])
    return Entry(path, own, split, tuple(shapes.found), width=size[0], height=size[1])


def _parsed(table: Path) -> dict[str, Any]:
    try:
        if table.stat().st_size > _MAX_BYTES:
            raise Fault("broken file", "it is too large for the shapes of one picture")
        record = json.loads(table.read_bytes())
    except OSError as problem:
        raise unreadable(problem) from None
    except (ValueError, RecursionError) as problem:
        raise Fault("broken file", f"not valid JSON ({problem})") from None
    if not isinstance(record, dict) or not isinstance(record.get("shapes"), list):
        raise Fault("broken file", "it has no list of shapes")
    return record


def _add(shapes: Grouped, shape: object) -> None:
    """Take one shape. Raises ``Fault``."""
    if not isinstance(shape, dict):
        raise Fault("no record", f"a {type(shape).__name__}, not an object")
    label = clean_label(shape.get("label"))
    if not label:
        raise Fault("unknown class", f"the label is {shape.get('label')!r:.60}")
    group = shape.get("group_id")
    shapes.add(_annotation(label, shape, shapes.size), "" if group is None else str(group))


def _annotation(label: str, shape: dict[str, Any], size: tuple[int, int]) -> Annotation:
    kind = shape.get("shape_type") or "polygon"
    if not isinstance(kind, str) or kind not in _SHAPES:
        raise Fault("unknown shape", f"a {kind!s:.30} is neither rectangle, polygon nor mask")
    points = _points(shape.get("points"))
    flags = _mapping(shape.get("flags"))
    described = {"description": text} if (text := shape.get("description")) else {}
    return annotation(
        label,
        size,
        xyxy=_rectangle(points) if kind == "rectangle" else None,
        polygons=[_outline(points)] if kind == "polygon" else [],
        mask=_mask(shape, points, size) if kind == "mask" else None,
        crowd=flags.pop(_CROWD, None) is True,
        attributes={**flags, **described, **_mapping(shape.get("attributes"))},
    )


def _mapping(given: object) -> dict[str, object]:
    return dict(given) if isinstance(given, dict) else {}


def _points(given: object) -> list[tuple[float, float]]:
    if not isinstance(given, list):
        raise Fault("not a number", f"points is {given!r:.60}")
    found = [numbers(each, f"points[{index}]", 2) for index, each in enumerate(given)]
    return [(x, y) for x, y in found]


def _rectangle(points: list[tuple[float, float]]) -> XYXY:
    """Two corners in any order, as they were drawn, or all four."""
    if len(points) not in _CORNERS_OF_A_RECTANGLE:
        raise Fault("bad box", f"a rectangle of {len(points)} points")
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def _outline(points: list[tuple[float, float]]) -> Polygon:
    return polygon([value for point in points for value in point])


def _mask(shape: dict[str, Any], points: list[tuple[float, float]], size: tuple[int, int]) -> Rle:
    if not points:
        raise Fault("bad mask", "a mask without a place")
    left, top = (whole(number(value, "points"), "points") for value in points[0])
    return from_cropped_png(shape.get("mask"), (left, top), size)


def _record(item: Item, name: str) -> dict[str, object]:
    return {
        "version": _VERSION,
        "flags": dict.fromkeys(item.labels, True),
        "shapes": list(_written(item)),
        "imagePath": name,
        "imageData": None,
        "imageHeight": item.height,
        "imageWidth": item.width,
    }


def _written(item: Item) -> Iterator[dict[str, object]]:
    for group, each in enumerate(item.annotations, start=1):
        common: dict[str, object] = {
            "label": each.label,
            "group_id": group if len(each.polygons) > 1 else None,
            "flags": {_CROWD: True} if each.crowd else {},
            "attributes": dict(each.attributes),
        }
        if each.mask:
            yield {**common, "shape_type": "mask", **_mask_fields(each.mask)}
        elif each.polygons:
            for outline in each.polygons:
                points = list(zip(outline[::2], outline[1::2], strict=True))
                yield {**common, "shape_type": "polygon", "points": points}
        else:
            left, top, right, bottom = each.xyxy
            points = [(left, top), (right, bottom)]
            yield {**common, "shape_type": "rectangle", "points": points}


def _mask_fields(mask: Rle) -> dict[str, object]:
    """LabelMe's corners are the first and the last pixel."""
    text, (left, top, right, bottom) = cropped_png(mask)
    return {"points": [(left, top), (right - 1, bottom - 1)], "mask": text}
