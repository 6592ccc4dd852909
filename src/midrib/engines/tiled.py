"""A classifier's answers for a picture that is far larger than what the model looks at.

A detector's objects in all tiles make one answer: see `Predictor`, which is given its tiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from midrib.engines.predictor import Predictor
from midrib.errors import UsageError
from midrib.postprocessing import decide
from midrib.preprocessing import LARGE_LIMITS, DecodeLimits, as_input, decode
from midrib.records import Floats
from midrib.tiling import Tile, stitch, tiles_over

BATCH = 16
"""Tiles that are asked for at once."""


@dataclass(frozen=True)
class TiledScores:
    """What a classifier answers for each tile of a picture.

    ``scores``: float32, tiles × classes, probabilities that sum to 1 over classes. ``decided``:
    the label of each tile. ``height`` and ``width`` are the picture's, in pixels.
    """

    height: int
    width: int
    tiles: tuple[Tile, ...]
    labels: tuple[str, ...]
    scores: Floats
    decided: tuple[str, ...]

    def map_of(self, label: str, *, cell: int = 1) -> Floats:
        """Where in the picture a class is probable, its tiles blended where they overlap.

        Args:
            label: one of ``labels``.
            cell: pixels of the picture, in height and width, that one value stands for.

        Returns:
            float32, height / cell × width / cell, both rounded up; 0 to 1.
        """
        column = self.labels.index(label)
        parts = []
        for tile, scores in zip(self.tiles, self.scores, strict=True):
            small = _coarser(tile, cell)
            parts.append((small, np.full((small.height, small.width, 1), scores[column])))
        size = math.ceil(self.height / cell), math.ceil(self.width / cell)
        whole: Floats = stitch(parts, *size)[..., 0]
        return whole

    def highest(self, label: str) -> tuple[Tile, float]:
        """The tile in which a class is most probable, and how probable."""
        column = self.scores[:, self.labels.index(label)]
        best = int(np.argmax(column))
        return self.tiles[best], float(column[best])


def predict_tiled(
    predictor: Predictor,
    encoded: bytes,
    *,
    size: int | None = None,
    overlap: int | None = None,
    limits: DecodeLimits = LARGE_LIMITS,
    progress: Callable[[int, int], None] | None = None,
) -> TiledScores:
    """Cut a picture into tiles and ask the model about each.

    Args:
        predictor: a loaded package.
        encoded: the picture's file.
        size: height and width of a tile in pixels; None takes what the model then sees pixel by
            pixel. It should be what the model was trained on, in pixels of such pictures.
        overlap: pixels that neighbours share at least; None takes what the model's own crop
            leaves out at the edges, so that no part of the picture goes unseen.
        limits: bounds on the picture.
        progress: called with tiles done and tiles there are.

    Raises:
        PictureError: the picture cannot be decoded.
        UsageError: the model is no classifier, or size and overlap do not fit each other.
    """
    if predictor.card.task != "classification":
        raise UsageError(
            f"tiles of a big picture for {predictor.card.task}",
            expected="a classifier",
            todo="load the predictor with tiles, and ask it as ever",
        )
    recipe = predictor.card.preprocessing
    kept = recipe.crop_ratio if recipe.fit == "crop" else 1.0
    size = size or math.ceil(max(recipe.height, recipe.width) / kept)
    if overlap is None:
        overlap = math.ceil(size * (1 - kept))
    pixels = decode(encoded, limits=limits)
    height, width = pixels.shape[:2]
    tiles = tiles_over(height, width, size=size, overlap=overlap)
    answers = []
    for start in range(0, len(tiles), BATCH):
        inputs = [as_input(tile.cut(pixels), recipe) for tile in tiles[start : start + BATCH]]
        answers.append(predictor.infer(np.stack(inputs)).answer)
        if progress:
            progress(min(start + BATCH, len(tiles)), len(tiles))
    scores = np.concatenate(answers)
    return TiledScores(
        height,
        width,
        tuple(tiles),
        tuple(predictor.card.labels),
        scores,
        _decided(predictor, scores),
    )


def _decided(predictor: Predictor, scores: Floats) -> tuple[str, ...]:
    card = predictor.card
    rule = card.decision
    places: Sequence[int] = decide(
        scores, card.labels, positive=rule.positive, threshold=rule.threshold
    )
    return tuple(card.labels[place] for place in places)


def _coarser(tile: Tile, cell: int) -> Tile:
    left, top = tile.left // cell, tile.top // cell
    right, bottom = math.ceil(tile.right / cell), math.ceil(tile.bottom / cell)
    return Tile(left, top, right - left, bottom - top)
