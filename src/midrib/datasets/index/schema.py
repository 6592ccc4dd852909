"""One row a picture: columns from items, and items from columns.

path                 relative to the source's folder, with '/'; absolute where it lies elsewhere
sha256, bytes        of the encoded file
width, height        pixels, upright
mode, format         as Pillow names them
split, group         null where there is none
labels               classes of the whole picture
annotations          label, xyxy, polygons, mask (COCO's RLE), crowd and attributes of each
annotations_sha256   fingerprint of the annotations, null where there are none
measures             what inspection took of the pixels, null where it took nothing
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from midrib.datasets.annotations import Annotation, Rle
from midrib.datasets.measures import Measures
from midrib.datasets.records import SPLITS, Item, Split
from midrib.errors import DatasetError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]

_SPLIT_OF: dict[str | None, Split | None] = {None: None, **{str(split): split for split in SPLITS}}


@cache
def row_schema() -> pa.Schema:
    """The columns. Raises ``MissingExtraError`` without pyarrow."""
    try:
        import pyarrow as pa
    except ImportError:
        raise MissingExtraError("an index of pictures", extra="server") from None
    mask = pa.struct({"height": pa.int32(), "width": pa.int32(), "counts": pa.string()})
    annotation = pa.struct(
        {
            "label": pa.string(),
            "xyxy": pa.list_(pa.float64(), 4),
            "polygons": pa.list_(pa.list_(pa.float64())),
            "mask": mask,
            "crowd": pa.bool_(),
            "attributes": pa.list_(pa.struct({"name": pa.string(), "value": pa.string()})),
        }
    )
    columns = {
        "path": pa.string(),
        "sha256": pa.binary(32),
        "bytes": pa.int64(),
        "width": pa.int32(),
        "height": pa.int32(),
        "mode": pa.string(),
        "format": pa.string(),
        "split": pa.string(),
        "group": pa.string(),
        "labels": pa.list_(pa.string()),
        "annotations": pa.list_(annotation),
        "annotations_sha256": pa.binary(32),
        "measures": _measures_type(),
    }
    may_be_null = {"sha256", "split", "group", "annotations_sha256", "measures"}
    return pa.schema(
        [pa.field(name, kind, nullable=name in may_be_null) for name, kind in columns.items()]
    )


def _measures_type() -> pa.DataType:
    import pyarrow as pa

    hints = get_type_hints(Measures)
    return pa.struct({field.name: _column_type(hints[field.name]) for field in fields(Measures)})


def _column_type(hint: Any) -> pa.DataType:
    """The column for a number, a text, several of one kind, or None."""
    import pyarrow as pa

    plain = {float: pa.float64(), int: pa.uint64(), str: pa.string()}
    if hint in plain:
        return plain[hint]
    kind = next(each for each in get_args(hint) if each not in {type(None), ...})
    return pa.list_(plain[kind]) if get_origin(hint) is tuple else plain[kind]


def batch_of(items: Sequence[Item], root: Path) -> pa.RecordBatch:
    """Rows of ``items``, whose paths become relative to ``root`` where they lie below it."""
    import pyarrow as pa

    below = root.as_posix().rstrip("/") + "/"
    rows = [_row(item, below) for item in items]
    return pa.RecordBatch.from_pylist(rows, schema=row_schema())


def items_of(rows: Iterable[Row], root: Path) -> list[Item]:
    """Items of rows as `batch_of` made them. Raises ``DatasetError`` for what it cannot have."""
    return [_item(row, root) for row in rows]


def _row(item: Item, below: str) -> Row:
    return {
        "path": item.path.as_posix().removeprefix(below),
        "sha256": bytes.fromhex(item.sha256) or None,
        "bytes": item.bytes,
        "width": item.width,
        "height": item.height,
        "mode": item.mode,
        "format": item.format,
        "split": item.split,
        "group": item.group,
        "labels": item.labels,
        "annotations": [_annotation_row(each) for each in item.annotations],
        "annotations_sha256": bytes.fromhex(item.annotated) or None,
        "measures": item.measures and asdict(item.measures),
    }


def _annotation_row(annotation: Annotation) -> Row:
    return {
        "label": annotation.label,
        "xyxy": annotation.xyxy,
        "polygons": annotation.polygons,
        "mask": annotation.mask and asdict(annotation.mask),
        "crowd": annotation.crowd,
        "attributes": [{"name": name, "value": value} for name, value in annotation.attributes],
    }


def _item(row: Row, root: Path) -> Item:
    sha256, split = row["sha256"], row["split"]
    if split not in _SPLIT_OF or ".." in row["path"].split("/"):
        raise DatasetError(
            f"an index of {root} has a row for {row['path']!r} in the split {split!r}",
            expected=f"a path without '..' and one of {', '.join(SPLITS)} or none",
            todo="write the index again with 'midrib data index'",
        )
    return Item(
        path=root / row["path"],
        labels=tuple(row["labels"]),
        sha256=sha256.hex() if sha256 else "",
        bytes=row["bytes"],
        split=_SPLIT_OF[split],
        width=row["width"],
        height=row["height"],
        mode=row["mode"],
        format=row["format"],
        annotations=tuple(_annotation(each) for each in row["annotations"]),
        group=row["group"],
        measures=_measures(row["measures"]) if row["measures"] else None,
    )


def _measures(row: Row) -> Measures:
    told: Row = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row.items()
    }
    return Measures(**told)


def _annotation(row: Row) -> Annotation:
    left, top, right, bottom = row["xyxy"]
    return Annotation(
        label=row["label"],
        xyxy=(left, top, right, bottom),
        polygons=tuple(tuple(polygon) for polygon in row["polygons"]),
        mask=Rle(**row["mask"]) if row["mask"] else None,
        crowd=row["crowd"],
        attributes=tuple((pair["name"], pair["value"]) for pair in row["attributes"]),
    )
