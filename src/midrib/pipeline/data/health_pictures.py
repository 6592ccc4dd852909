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

MOST_FINDINGS = 18
"""Of a kind, on the page; the JSON has all."""

_MOST_PICTURES = 4
_SIDE_PIXELS = 176
_QUALITY = 70
_BOX_COLOUR = "#ff3b1f"


@dataclass(frozen=True)
class Thumbnail:
    """One picture of a finding. ``source`` is a data URI, empty where nothing can be shown."""

    name: str
    source: str
    said: str
    kept: bool


def thumbnails(finding: Finding, items: Mapping[Path, Item]) -> list[Thumbnail]:
    """The first pictures of a finding: those at fault, then those shown beside them."""
    shown = [(path, False) for path in finding.pictures] + [(path, True) for path in finding.kept]
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
    try:
        picture = Image.fromarray(decode(path.read_bytes(), at_least=(_SIDE_PIXELS, _SIDE_PIXELS)))
    except (OSError, PictureError):
        return ""  # the page says so in the picture's place
    picture.thumbnail((_SIDE_PIXELS, _SIDE_PIXELS))
    _draw(picture, boxes, (picture.width / item.width, picture.height / item.height))
    encoded = io.BytesIO()
    picture.save(encoded, "WEBP", quality=_QUALITY)
    return "data:image/webp;base64," + base64.b64encode(encoded.getvalue()).decode("ascii")


def _draw(picture: Image.Image, boxes: Sequence[XYXY], scale: tuple[float, float]) -> None:
    """Draw boxes given in pixels of the whole picture; what lies outside is drawn at the edge."""
    pencil = ImageDraw.Draw(picture)
    for left, top, right, bottom in boxes:
        xs = [min(max(x * scale[0], 0), picture.width - 1) for x in (left, right)]
        ys = [min(max(y * scale[1], 0), picture.height - 1) for y in (top, bottom)]
        pencil.rectangle((min(xs), min(ys), max(xs), max(ys)), outline=_BOX_COLOUR, width=2)
