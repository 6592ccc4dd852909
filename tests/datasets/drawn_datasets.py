"""Datasets that hypothesis draws: any labels, splits, groups, boxes, outlines and masks."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import get_type_hints

from hypothesis import strategies as st

from midrib.datasets import SPLITS, Dataset, Item, Problem
from midrib.datasets.annotations import Annotation, Rle
from midrib.datasets.measures import Measures

ROOT = Path("/pictures")

_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
_SHARES = st.floats(0, 1)
_NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/."), min_size=1, max_size=9
)
_LABELS = st.sampled_from(["cat", "dog", "梨", "a;b"])

_RLES = st.builds(
    Rle, height=st.integers(1, 9), width=st.integers(1, 9), counts=st.text("0123abcP`", max_size=9)
)
_POLYGONS = st.lists(_NUMBERS, min_size=6, max_size=8).map(tuple)
annotations = st.builds(
    Annotation,
    label=_LABELS,
    xyxy=st.tuples(_NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS),
    polygons=st.lists(_POLYGONS, max_size=2).map(tuple),
    mask=st.none() | _RLES,
    crowd=st.booleans(),
    attributes=st.lists(st.tuples(_NAMES, st.text(max_size=4)), max_size=2).map(tuple),
)
_HASHES_OF_LOOKS = st.lists(st.integers(0, 2**64 - 1), max_size=4).map(tuple)
measures = st.builds(
    Measures,
    **{name: _SHARES for name, kind in get_type_hints(Measures).items() if kind is float},
    orientation=st.integers(1, 8),
    taken=st.sampled_from(["", "2026-11-22T07:40:00"]),
    camera=_NAMES,
    **{
        name: _HASHES_OF_LOOKS
        for name, kind in get_type_hints(Measures).items()
        if kind == tuple[int, ...]
    },
)
# Few contents, so that copies and equal rows occur.
hashes = st.integers(0, 7).map(lambda n: hashlib.sha256(str(n).encode()).hexdigest())
paths = st.lists(_NAMES, min_size=1, max_size=3).map(lambda parts: ROOT.joinpath(*parts))
items = st.builds(
    Item,
    path=paths | st.just(Path("/elsewhere/1.png")),
    labels=st.lists(_LABELS, max_size=2, unique=True).map(tuple),
    sha256=hashes,
    bytes=st.integers(0, 2**40),
    split=st.none() | st.sampled_from(SPLITS),
    width=st.integers(0, 60_000),
    height=st.integers(0, 60_000),
    mode=st.sampled_from(["", "RGB", "I;16"]),
    format=st.sampled_from(["", "PNG", "JPEG"]),
    annotations=st.lists(annotations, max_size=3).map(tuple),
    group=st.none() | _NAMES,
    measures=st.none() | measures,
)
problems = st.builds(Problem, path=paths, kind=_NAMES, reason=_NAMES)


def dataset_of(drawn: list[Item], left_out: list[Problem] | None = None) -> Dataset:
    """A dataset of these items."""
    labels = {label for item in drawn for label in item.named}
    return Dataset(ROOT, tuple(drawn), tuple(sorted(labels)), tuple(left_out or []), "coco")


datasets = st.builds(dataset_of, st.lists(items, max_size=12), st.lists(problems, max_size=2))
