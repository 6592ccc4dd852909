"""Datasets with objects in real picture files, drawn by hypothesis."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from midrib.datasets import SPLITS, Dataset, Item
from midrib.datasets.annotations import XYXY, Annotation, Polygon, Rle, spanned
from midrib.datasets.formats.objects import DECIMALS
from midrib.datasets.masks import encode_mask, span_of

SIZES = ((8, 6), (5, 9), (12, 12))
LABELS = ("cat", "Hund", "梨の木", "a b", "ἵππος", "קוף", "42")
_STEMS = ("a", "A", "b c", "梨", "ñandú", "x.y", "0001")
_TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"]), max_size=6)


@cache
def picture(number: int, size: tuple[int, int]) -> bytes:
    """The PNG of a picture that no other number has."""
    noise = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    return stream.getvalue()


def _coordinates(least: float, most: float) -> st.SearchStrategy[float]:
    return st.floats(least, most).map(lambda value: round(value, DECIMALS) + 0.0)


@st.composite
def boxes(draw: st.DrawFn, size: tuple[int, int]) -> XYXY:
    """A box in a picture, at least a hundredth of a pixel wide and high."""
    width, height = size
    left, top = draw(_coordinates(0, width - 1)), draw(_coordinates(0, height - 1))
    right, bottom = draw(_coordinates(left + 0.01, width)), draw(_coordinates(top + 0.01, height))
    return left, top, right, bottom


@st.composite
def polygons(draw: st.DrawFn, size: tuple[int, int]) -> Polygon:
    """An outline that spans an area."""
    left, top, right, bottom = draw(boxes(size))
    corners = [(left, top), (right, draw(_coordinates(top, bottom))), (left, bottom)]
    if draw(st.booleans()):
        corners.append((draw(_coordinates(left, right)), draw(_coordinates(top, bottom))))
    return tuple(value for corner in corners for value in corner)


@st.composite
def masks(draw: st.DrawFn, size: tuple[int, int]) -> Rle:
    """A mask of at least one pixel."""
    width, height = size
    bits = draw(st.integers(1, 2 ** (width * height) - 1))
    flat = np.array([bits >> place & 1 for place in range(width * height)], dtype=np.bool_)
    return encode_mask(flat.reshape(height, width))


@st.composite
def objects(draw: st.DrawFn, size: tuple[int, int]) -> Annotation:
    """A box, some outlines or a mask, with or without a box of its own."""
    outlines: tuple[Polygon, ...] = ()
    mask = None
    shape = draw(st.sampled_from(["box", "outlines", "mask"]))
    if shape == "outlines":
        outlines = tuple(draw(st.lists(polygons(size), min_size=1, max_size=3)))
    elif shape == "mask":
        mask = draw(masks(size))
    span = spanned(outlines) if outlines else span_of(mask) if mask else None
    return Annotation(
        label=draw(st.sampled_from(LABELS)),
        xyxy=span if span and draw(st.booleans()) else draw(boxes(size)),
        polygons=outlines,
        mask=mask,
        crowd=draw(st.booleans()),
        attributes=draw(_attributes()),
    )


def _attributes() -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
    names = st.sampled_from(["difficult", "pose", "colour", "Größe"])
    pairs = st.dictionaries(names, _TEXT, max_size=2)
    return pairs.map(lambda found: tuple(sorted(found.items())))


@st.composite
def items(draw: st.DrawFn, number: int, root: Path) -> Item:
    """A picture below ``root``, not yet written."""
    size = draw(st.sampled_from(SIZES))
    data = picture(number, size)
    return Item(
        path=root / draw(st.sampled_from(["", "one", "two"])) / f"{_stem(draw)}-{number}.png",
        labels=tuple(draw(st.lists(st.sampled_from(LABELS), max_size=2, unique=True))),
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        split=draw(st.none() | st.sampled_from(SPLITS)),
        width=size[0],
        height=size[1],
        mode="RGB",
        format="PNG",
        annotations=tuple(draw(st.lists(objects(size), max_size=3))),
        group=draw(st.none() | st.sampled_from(["north", "Süd"])),
    )


def _stem(draw: st.DrawFn) -> str:
    return str(draw(st.sampled_from(_STEMS)))


@st.composite
def datasets(draw: st.DrawFn, root: Path) -> Dataset:
    """A few pictures below ``root``; write them with `write_pictures`."""
    count = draw(st.integers(1, 4))
    found = tuple(draw(items(number, root)) for number in range(count))
    return Dataset(root, found, LABELS)


def write_pictures(found: Sequence[Item]) -> None:
    """Put the files of drawn items in their places."""
    for number, item in enumerate(found):
        item.path.parent.mkdir(parents=True, exist_ok=True)
        item.path.write_bytes(picture(number, (item.width, item.height)))
