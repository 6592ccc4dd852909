"""The pictures of a finding, small enough for a page, with the boxes at fault drawn in."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from midrib.datasets import Item
from midrib.datasets.annotations import XYXY
from midrib.datasets.health import Finding
from midrib.errors import PictureError
from midrib.preprocessing import decode
from midrib.preprocessing.decoding import SUFFIXES

MOST_FINDINGS = 18
"""Of a kind, on the page; the JSON has all."""

_MOST_PICTURES = 4
_SIDE_PIXELS = 176
_QUALITY = 70
_LEAST_PART = 64
_SMALL_SHARE = 0.6
_BOX_COLOUR = "#ff3b1f"


@dataclass(frozen=True)
class Thumbnail:
    """One picture of a finding. ``source`` is a data URI, empty where nothing can be shown."""

    name: str
    source: str
    said: str
    kept: bool


def thumbnails(finding: Finding, items: Mapping[Path, Item]) -> list[Thumbnail]:
    """The first pictures of a finding: those at fault, then those shown beside them.

    Files that are no pictures, such as annotations, are told by the finding's text alone.
    """
    at_fault = [path for path in finding.pictures if path.suffix.lower() in SUFFIXES]
    shown = [(path, False) for path in at_fault] + [(path, True) for path in finding.kept]
    return [
        _thumbnail(path, items.get(path), finding.boxes if place == 0 else (), kept=kept)
        for place, (path, kept) in enumerate(shown[:_MOST_PICTURES])
    ]


def _thumbnail(path: Path, item: Item | None, boxes: Sequence[XYXY], *, kept: bool) -> Thumbnail:
    said = [", ".join(sorted(item.named)), item.split or ""] if item else []
    return Thumbnail(
        name=path.name,
        source=_data_uri(path, item, boxes),
        said=" · ".join(filter(None, said)),
        kept=kept,
    )


def _data_uri(path: Path, item: Item | None, boxes: Sequence[XYXY]) -> str:
    if item is None:
        return ""  # what could not be read before is not tried again
    part = _part(item, boxes)
    # Of a part all pixels are wanted; of the whole no more than are shown.
    at_least = (0, 0) if part else (_SIDE_PIXELS, _SIDE_PIXELS)
    try:
        picture = Image.fromarray(decode(path.read_bytes(), at_least=at_least))
    except (OSError, PictureError):
        return ""  # the page says so in the picture's place
    if part:
        picture = picture.crop(part).resize((_SIDE_PIXELS, _SIDE_PIXELS), Image.Resampling.BICUBIC)
        left, top, right, bottom = part
        boxes = [(x - left, y - top, u - left, v - top) for x, y, u, v in boxes[:1]]
    else:
        picture.thumbnail((_SIDE_PIXELS, _SIDE_PIXELS))
        left, top, right, bottom = 0, 0, item.width, item.height
    _draw(picture, boxes, (picture.width / (right - left), picture.height / (bottom - top)))
    encoded = io.BytesIO()
    picture.save(encoded, "WEBP", quality=_QUALITY)
    return "data:image/webp;base64," + base64.b64encode(encoded.getvalue()).decode("ascii")


def _part(item: Item, boxes: Sequence[XYXY]) -> tuple[int, int, int, int] | None:
    """A square around the first box where it is too small to be seen in the whole picture."""
    if not boxes:
        return None
    left, top, right, bottom = boxes[0]
    side = min(
        item.width, item.height, max(_LEAST_PART, round(4 * max(right - left, bottom - top)))
    )
    if side > _SMALL_SHARE * min(item.width, item.height):
        return None
    x = min(max(round((left + right - side) / 2), 0), item.width - side)
    y = min(max(round((top + bottom - side) / 2), 0), item.height - side)
    return x, y, x + side, y + side


def _draw(picture: Image.Image, boxes: Sequence[XYXY], scale: tuple[float, float]) -> None:
    """Draw boxes given in pixels before scaling; what lies outside is drawn at the edge."""
    pencil = ImageDraw.Draw(picture)
    for left, top, right, bottom in boxes:
        xs = [min(max(x * scale[0], 0), picture.width - 1) for x in (left, right)]
        ys = [min(max(y * scale[1], 0), picture.height - 1) for y in (top, bottom)]
        pencil.rectangle((min(xs), min(ys), max(xs), max(ys)), outline=_BOX_COLOUR, width=2)
