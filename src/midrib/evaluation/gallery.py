"""Pictures for the report: chosen without flattery, shrunk, carried inside the page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from midrib.errors import PictureError
from midrib.evaluation.records import Evaluation
from midrib.preprocessing import decode

MOST_TILES = 12
_SIDE_PIXELS = 192
_QUALITY = 78


@dataclass(frozen=True)
class Tile:
    """One picture with its answer. ``source`` is a data URI, empty when the file is gone."""

    name: str
    source: str
    truth: str
    answer: str
    probability: float


def wrong_tiles(evaluation: Evaluation, most: int = MOST_TILES) -> list[Tile]:
    """Pictures that were decided wrongly, the surest mistakes first."""
    wrong = np.flatnonzero(evaluation.decided != evaluation.truth)
    surest = np.argsort(-_probability(evaluation)[wrong], kind="stable")
    return [_tile(evaluation, int(row)) for row in wrong[surest][:most]]


def right_tiles(evaluation: Evaluation, most: int = MOST_TILES) -> list[Tile]:
    """Pictures that were decided rightly: classes in turn, from the surest to the least sure."""
    probability = _probability(evaluation)
    by_class = []
    for index in range(len(evaluation.labels)):
        right = np.flatnonzero((evaluation.decided == index) & (evaluation.truth == index))
        ranked = right[np.argsort(-probability[right], kind="stable")]
        if ranked.size:
            count = min(ranked.size, -(-most // len(evaluation.labels)))
            by_class.append(ranked[np.linspace(0, ranked.size - 1, count).round().astype(int)])
    longest = max((len(rows) for rows in by_class), default=0)
    in_turn = [rows[place] for place in range(longest) for rows in by_class if place < len(rows)]
    return [_tile(evaluation, int(row)) for row in in_turn[:most]]


def _probability(evaluation: Evaluation) -> NDArray[np.float32]:
    """Of the decided class: float32, count."""
    return evaluation.answer[np.arange(len(evaluation)), evaluation.decided]


def _tile(evaluation: Evaluation, row: int) -> Tile:
    path = evaluation.paths[row]
    return Tile(
        name=path.name,
        source=_data_uri(path),
        truth=evaluation.labels[evaluation.truth[row]],
        answer=evaluation.labels[evaluation.decided[row]],
        probability=float(evaluation.answer[row, evaluation.decided[row]]),
    )


def _data_uri(path: Path) -> str:
    try:
        picture = Image.fromarray(decode(path.read_bytes(), at_least=(_SIDE_PIXELS, _SIDE_PIXELS)))
    except (OSError, PictureError):
        return ""  # the page says so in the picture's place
    picture.thumbnail((_SIDE_PIXELS, _SIDE_PIXELS))
    encoded = io.BytesIO()
    picture.save(encoded, "WEBP", quality=_QUALITY)
    return "data:image/webp;base64," + base64.b64encode(encoded.getvalue()).decode("ascii")
