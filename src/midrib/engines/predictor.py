"""Decode, infer, answer: the one code path of evaluation, the command line and the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from midrib.engines.choice import AUTO, Choice, choose_engine
from midrib.engines.interface import ENGINES, Engine, EngineOptions
from midrib.packages import Card, Package, Variant
from midrib.postprocessing import classify
from midrib.preprocessing import DecodeLimits, read_picture, require_implemented
from midrib.records import Outputs, PixelBatch, Pixels, Prediction


@dataclass(frozen=True)
class Predictor:
    """A loaded package. Safe to call from several threads at once."""

    card: Card
    variant: Variant
    engine: Engine
    choice: Choice
    limits: DecodeLimits

    def read(self, data: bytes) -> Pixels:
        """Encoded picture to model input: uint8, height × width × 3. Raises ``PictureError``."""
        return read_picture(data, self.card.preprocessing, self.limits)

    def infer(self, pictures: PixelBatch) -> Outputs:
        """Model inputs to outputs, whatever batch the file takes."""
        if self.card.input.dynamic_batch or len(pictures) == 1:
            return self.engine.run(pictures)
        singles = [self.engine.run(pictures[i : i + 1]) for i in range(len(pictures))]
        return Outputs(
            answer=np.concatenate([single.answer for single in singles]),
            embedding=np.concatenate([single.embedding for single in singles]),
        )

    def answer(self, outputs: Outputs) -> list[Prediction]:
        """Outputs to predictions, by the card's decision."""
        decision = self.card.decision
        return classify(
            outputs, self.card.labels, positive=decision.positive, threshold=decision.threshold
        )

    def predict(self, encoded: Sequence[bytes]) -> list[Prediction]:
        """Encoded pictures to predictions, in one batch. Raises ``PictureError``."""
        if not encoded:
            return []
        return self.answer(self.infer(np.stack([self.read(data) for data in encoded])))


def load_predictor(
    package: Package,
    *,
    variant: str | None = None,
    engine: str = AUTO,
    options: EngineOptions | None = None,
    limits: DecodeLimits | None = None,
    memory: Path | None = None,
) -> Predictor:
    """Load ``package`` into an engine.

    Args:
        package: where the model is.
        variant: which of its files; None takes the first.
        engine: an engine's name, or 'auto' for the one measured fastest here.
        options: how the engine uses the machine.
        limits: bounds on pictures.
        memory: the file that remembers measured choices.

    Raises:
        PackageError: the preprocessing is not one that this midrib implements.
        EngineError: the engine cannot load the file.
    """
    card = package.card
    require_implemented(card.preprocessing, card.preprocessing_hash)
    chosen = card.variant(variant)
    options = options or EngineOptions()
    choice = choose_engine(package, chosen, wanted=engine, options=options, memory=memory)
    return Predictor(
        card=card,
        variant=chosen,
        engine=ENGINES.get(choice.engine)(package.file(chosen), options),
        choice=choice,
        limits=limits or DecodeLimits(),
    )
