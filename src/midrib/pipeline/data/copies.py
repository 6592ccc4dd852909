"""Copies among a source's pictures, found once for the same pictures."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from midrib.config import fingerprint
from midrib.datasets import Dataset
from midrib.datasets.copies import COPY_FROM, Likeness, Likenesses, find_likenesses
from midrib.errors import StorageError
from midrib.pipeline.data.reading import kept_of
from midrib.reporting import Reporter
from midrib.settings import Settings
from midrib.storage import read_json, write_json

_METHOD = 2  # counted up when the same pictures would be judged otherwise


def likenesses_of(
    dataset: Dataset, source: str | Path, settings: Settings, reporter: Reporter
) -> Likenesses:
    """Near-copies and look-alikes; looked for again only when the pictures have changed."""
    file = kept_of(source, settings) / "copies.json"
    pictures = sorted({item.sha256 for item in dataset.items})
    known = fingerprint([_METHOD, COPY_FROM, pictures])
    remembered = _remembered(file, known)
    if remembered is not None:
        return remembered
    hashes = {
        item.sha256: np.array(item.measures.fingerprint, np.uint64)
        for item in dataset.items
        if item.measures is not None and item.measures.fingerprint
    }
    with reporter.bar("look for copies") as advance:
        found = find_likenesses(
            [item for item in dataset.items if item.measures is None or not item.measures.is_blank],
            hashes=hashes,
            progress=lambda done, total: advance(done, total, ""),
        )
    record = {
        "pictures": known,
        "copies": [asdict(like) for like in found.copies],
        "look_alikes": [asdict(like) for like in found.look_alikes],
    }
    try:
        write_json(file, record)
    except StorageError as problem:
        reporter.say(f"copies will be looked for again the next time: {problem}")
    return found


def _remembered(file: Path, known: str) -> Likenesses | None:
    """What was found for the same pictures; None where that is not known or not readable."""
    if not file.is_file():
        return None
    try:
        kept = read_json(file)
        if kept["pictures"] != known:
            return None
        return Likenesses(
            copies=tuple(Likeness(**like) for like in kept["copies"]),
            look_alikes=tuple(Likeness(**like) for like in kept["look_alikes"]),
        )
    except (StorageError, KeyError, TypeError):
        return None  # it is only remembered: finding it again costs time and nothing else
