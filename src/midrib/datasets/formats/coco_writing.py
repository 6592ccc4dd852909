"""COCO files written record by record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path, PurePosixPath

from midrib.datasets.annotations import Annotation, Polygon
from midrib.datasets.formats.objects import pixel
from midrib.datasets.formats.placing import Placer
from midrib.datasets.masks import area_of
from midrib.datasets.records import SPLITS, Dataset, Item

_NAMES = {
    "train": "instances_train.json",
    "validation": "instances_val.json",
    "test": "instances_test.json",
    None: "instances.json",
}


def write_coco(dataset: Dataset, placer: Placer) -> None:
    """``images/`` and one file a split in ``annotations/``."""
    folder = placer.folder / "annotations"
    folder.mkdir()
    categories = {label: number for number, label in enumerate(dataset.labels, start=1)}
    for split in (*SPLITS, None):
        items = [item for item in dataset.items if item.split == split]
        if items:
            placed = [(item, placer.put(item, f"images/{split or ''}")) for item in items]
            _write_file(folder / _NAMES[split], placed, categories)


def _write_file(
    path: Path, placed: list[tuple[Item, PurePosixPath]], categories: dict[str, int]
) -> None:
    listed = [{"id": number, "name": label} for label, number in categories.items()]
    with path.open("w", encoding="utf-8") as stream:
        stream.write('{"categories": ' + json.dumps(listed, ensure_ascii=False))
        stream.write(',\n"images": [')
        stream.writelines(_joined(_images(placed)))
        stream.write('],\n"annotations": [')
        stream.writelines(_joined(_annotations(placed, categories)))
        stream.write("]}\n")


def _joined(found: Iterable[dict[str, object]]) -> Iterator[str]:
    for index, record in enumerate(found):
        yield (",\n" if index else "\n") + json.dumps(record, ensure_ascii=False, allow_nan=False)


def _images(placed: list[tuple[Item, PurePosixPath]]) -> Iterator[dict[str, object]]:
    for number, (item, path) in enumerate(placed, start=1):
        name = path.relative_to("images").as_posix()
        yield {"id": number, "file_name": name, "width": item.width, "height": item.height}


def _annotations(
    placed: list[tuple[Item, PurePosixPath]], categories: dict[str, int]
) -> Iterator[dict[str, object]]:
    numbers = count(1)
    for image, (item, _) in enumerate(placed, start=1):
        for each in item.annotations:
            yield {
                "id": next(numbers),
                "image_id": image,
                "category_id": categories[each.label],
                **_geometry(each),
                "iscrowd": int(each.crowd),
                **({"attributes": dict(each.attributes)} if each.attributes else {}),
            }


def _geometry(each: Annotation) -> dict[str, object]:
    left, top, right, bottom = each.xyxy
    box = [left, top, pixel(right - left), pixel(bottom - top)]
    if each.mask:
        size = [each.mask.height, each.mask.width]
        shape: object = {"size": size, "counts": each.mask.counts}
        return {"bbox": box, "area": area_of(each.mask), "segmentation": shape}
    if each.polygons:
        area = sum(_area(polygon) for polygon in each.polygons)
        return {"bbox": box, "area": pixel(area), "segmentation": each.polygons}
    return {"bbox": box, "area": pixel(box[2] * box[3]), "segmentation": []}


def _area(polygon: Polygon) -> float:
    """By the shoelace formula, in pixels."""
    xs, ys = polygon[::2], polygon[1::2]
    pairs = zip(xs, ys, (*xs[1:], xs[0]), (*ys[1:], ys[0]), strict=True)
    return abs(sum(x0 * y1 - x1 * y0 for x0, y0, x1, y1 in pairs)) / 2
