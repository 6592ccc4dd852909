"""Decode, infer, answer: the one code path of evaluation, the command line and the server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from midrib.engines.choice import AUTO, Choice, choose_engine
from midrib.engines.interface import ENGINES, Engine, EngineOptions
from midrib.engines.joining import joined
from midrib.engines.objects import objects_of
from midrib.errors import UsageError
from midrib.packages import Card, Package, Variant
from midrib.postprocessing import (
    Region,
    Suppression,
    classify,
    classify_pixels,
    pixel_confidence,
    surest,
)
from midrib.preprocessing import (
    LARGE_LIMITS,
    DecodeLimits,
    as_input,
    place_of,
    read_large,
    read_picture,
    read_view,
    require_implemented,
    upright_size,
)
from midrib.records import (
    BACKGROUND,
    Answered,
    ClassMap,
    Detections,
    Floats,
    Found,
    Looked,
    Outputs,
    PixelBatch,
    Pixels,
    Prediction,
    Segmentation,
    Size,
    View,
)
from midrib.run_lengths import encode_runs
from midrib.tiling import Tile, Tiling, merge_found, tiles_over

TILES_AT_ONCE = 16
"""Of one picture that the model is asked about in one call."""


@dataclass(frozen=True)
class Predictor:
    """A loaded package. Safe to call from several threads at once.

    With ``tiles`` a detector looks tile by tile at pictures that are larger than one.
    """

    card: Card
    variant: Variant
    engine: Engine
    choice: Choice
    limits: DecodeLimits
    tiles: Tiling | None = None

    def read(self, data: bytes) -> Pixels:
        """Encoded picture to model input: uint8, height × width × 3. Raises ``PictureError``."""
        return read_picture(data, self.card.preprocessing, self.limits)

    def view(self, data: bytes) -> View:
        """`read`, with the size of the picture if answers are placed in it; ``PictureError``."""
        if self.card.task == "classification":  # a second look at the header has its cost
            return View(self.read(data), Size(self.card.input.height, self.card.input.width))
        recipe, limits = self.card.preprocessing, self.limits
        if self.tiles and max(upright_size(data, limits)) > self.tiles.size:
            return read_large(data, recipe, limits)
        return read_view(data, recipe, limits)

    def infer(self, pictures: PixelBatch) -> Outputs:
        """Model inputs to outputs, whatever batch the file takes."""
        if self.card.input.dynamic_batch or len(pictures) == 1:
            return self.engine.run(pictures)
        singles = [self.engine.run(pictures[i : i + 1]) for i in range(len(pictures))]
        return joined(singles)

    def classify(self, outputs: Outputs) -> list[Prediction]:
        """Outputs of a classifier to predictions, by the card's decision."""
        decision = self.card.decision
        return classify(
            outputs, self.card.labels, positive=decision.positive, threshold=decision.threshold
        )

    def candidates(
        self, outputs: Outputs, sizes: Sequence[Size], *, least_score: float = 0.0
    ) -> list[Found]:
        """Outputs of a detector to all objects that are worth a look, in pixels of the pictures.

        Args:
            outputs: of a batch.
            sizes: of the upright pictures, in their order.
            least_score: what is less sure is left out.
        """
        return [
            objects_of(self.card, outputs, row, size, least_score=least_score)
            for row, size in enumerate(sizes)
        ]

    def look(self, views: Sequence[View], *, least_score: float = 0.0) -> list[Looked]:
        """What a detector finds in each picture, whole or tile by tile, however unsure it is.

        From ``least_score`` on, if it is given; of pictures in tiles in any case.
        """
        whole = [view for view in views if view.large is None]
        looked = iter(self._look_at_whole(whole, least_score))
        return [
            next(looked) if view.large is None else self._look_in_tiles(view.large)
            for view in views
        ]

    def class_maps(self, outputs: Outputs, sizes: Sequence[Size]) -> Iterator[ClassMap]:
        """Outputs of a segmenter to the class of each pixel of the upright pictures, one by one.

        Args:
            outputs: of a batch.
            sizes: of the upright pictures, in their order.
        """
        labels, rule = self.card.labels, self.card.decision
        positive = None if rule.positive is None else labels.index(rule.positive)
        for logits, size in zip(outputs.answer, sizes, strict=True):
            region = self._region(size)
            yield classify_pixels(logits, region, size, positive=positive, threshold=rule.threshold)

    def segment(self, outputs: Outputs, sizes: Sequence[Size]) -> list[Segmentation]:
        """`class_maps` as masks of the card's labels."""
        maps = self.class_maps(outputs, sizes)
        rows = zip(maps, outputs.answer, sizes, outputs.embedding, strict=True)
        return [
            self._segmented(classes, self.confidence(logits, size), embedding)
            for classes, logits, size, embedding in rows
        ]

    def confidence(self, logits: Floats, size: Size) -> float:
        """How probable a segmenter's most probable class is: mean over the picture, 0 to 1."""
        return pixel_confidence(logits, self._region(size))

    def _segmented(self, classes: ClassMap, score: float, embedding: Floats) -> Segmentation:
        labels = self.card.labels
        pixels = np.bincount(classes.ravel(), minlength=len(labels)).tolist()
        masks = {
            label: encode_runs(classes == place)
            for place, label in enumerate(labels)
            if label != BACKGROUND and pixels[place]
        }
        counted = dict(zip(labels, pixels, strict=True))
        return Segmentation(Size(*classes.shape), masks, counted, score, embedding)

    def _region(self, size: Size) -> Region:
        """Where a picture of that size is in a segmenter's logits."""
        decision = self.card.pixels
        if decision is None:
            raise AssertionError("a segmenter's card says how pixels are decided")
        left, top, right, bottom = place_of(self.card.preprocessing, size)
        stride = decision.stride
        return left / stride, top / stride, right / stride, bottom / stride

    def answer(self, views: Sequence[View]) -> Sequence[Answered]:
        """Answers of the card's task; of objects, those that its decision is sure enough of."""
        if self.card.task == "detection":
            sure = self.card.decision.threshold
            return [self._answered(looked) for looked in self.look(views, least_score=sure)]
        outputs = self.infer(np.stack([view.pixels for view in views]))
        if self.card.task == "segmentation":
            return self.segment(outputs, [view.of for view in views])
        return self.classify(outputs)

    def predict(self, encoded: Sequence[bytes]) -> Sequence[Answered]:
        """Encoded pictures to answers, in one batch. Raises ``PictureError``."""
        return self.answer([self.view(data) for data in encoded]) if encoded else []

    def _look_at_whole(self, views: Sequence[View], least_score: float = 0.0) -> list[Looked]:
        if not views:
            return []
        outputs = self.infer(np.stack([view.pixels for view in views]))
        sizes = [view.of for view in views]
        found = self.candidates(outputs, sizes, least_score=least_score)
        return [Looked(*each) for each in zip(found, outputs.embedding, strict=True)]

    def _look_in_tiles(self, large: Pixels) -> Looked:
        """What is found in the tiles of a picture as one; its features are the mean of theirs."""
        if self.tiles is None:
            raise AssertionError("a view is only large where there are tiles")
        height, width = large.shape[:2]
        tiles = tiles_over(height, width, size=self.tiles.size, overlap=self.tiles.overlap)
        looked: list[Looked] = []
        for start in range(0, len(tiles), TILES_AT_ONCE):
            some = tiles[start : start + TILES_AT_ONCE]
            looked += self._look_at_whole([self._view_of(tile, large) for tile in some])
        found = merge_found([(tile, each.found) for tile, each in zip(tiles, looked, strict=True)])
        recipe = self.card.suppression or Suppression()
        embedding: Floats = np.mean([each.embedding for each in looked], axis=0, dtype=np.float32)
        return Looked(surest(found, recipe.most_overlap), embedding)

    def _view_of(self, tile: Tile, large: Pixels) -> View:
        pixels = as_input(tile.cut(large), self.card.preprocessing)
        return View(pixels, Size(tile.height, tile.width))

    def _answered(self, looked: Looked) -> Detections:
        """The objects that are sure enough by the card's decision, with their labels."""
        sure = looked.found.from_score(self.card.decision.threshold)
        labels = tuple(self.card.labels[place] for place in sure.classes)
        return Detections(sure.boxes, labels, sure.scores, looked.embedding, sure.masks)


def _no_tiles(card: Card) -> UsageError:
    made_for = card.task if card.masks is None else "masks of objects"
    return UsageError(
        f"tiles for {card.name}, which is made for {made_for}",
        expected="a detector of boxes, whose objects in all tiles make one answer",
        todo="leave the tiles out; midrib.engines.tiled asks a classifier about each of them",
    )


def load_predictor(
    package: Package,
    *,
    variant: str | None = None,
    engine: str = AUTO,
    options: EngineOptions | None = None,
    limits: DecodeLimits | None = None,
    memory: Path | None = None,
    tiles: Tiling | None = None,
) -> Predictor:
    """Load ``package`` into an engine.

    Args:
        package: where the model is.
        variant: which of its files; None takes the first.
        engine: an engine's name, or 'auto' for the one measured fastest here.
        options: how the engine uses the machine.
        limits: bounds on pictures; None takes the usual ones, and with tiles all that can be read.
        memory: the file that remembers measured choices.
        tiles: how a detector looks at larger pictures; None takes what its card says.

    Raises:
        UsageError: tiles for what is no detector of boxes.
        PackageError: the preprocessing is not one that this midrib implements.
        EngineError: the engine cannot load the file.
    """
    card = package.card
    if tiles is not None and (card.task != "detection" or card.masks is not None):
        raise _no_tiles(card)
    tiles = tiles or card.tiles
    require_implemented(card.preprocessing, card.preprocessing_hash)
    chosen = card.variant(variant)
    options = options or EngineOptions()
    choice = choose_engine(package, chosen, wanted=engine, options=options, memory=memory)
    return Predictor(
        card=card,
        variant=chosen,
        engine=ENGINES.get(choice.engine)(package.file(chosen), options),
        choice=choice,
        limits=limits or (LARGE_LIMITS if tiles else DecodeLimits()),
        tiles=tiles,
    )
