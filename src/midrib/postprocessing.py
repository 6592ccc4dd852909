"""Model outputs to predictions. Arrays only, so that lab and field decide alike."""

from __future__ import annotations

import numpy as np

from midrib.records import Floats, Outputs, Prediction

TOP_K = 5


def decide(
    answer: Floats, labels: list[str], *, positive: str | None, threshold: float
) -> list[int]:
    """Index of the decided label of each picture.

    Args:
        answer: float32, count × classes, probabilities.
        labels: class names in the order of the answer.
        positive: with two classes, the one that is decided from ``threshold`` on; None takes the
            most probable class.
        threshold: 0 to 1.
    """
    if positive is None:
        return [int(index) for index in np.argmax(answer, axis=1)]
    index = labels.index(positive)
    return [index if row[index] >= threshold else 1 - index for row in answer]


def classify(
    outputs: Outputs,
    labels: list[str],
    *,
    positive: str | None = None,
    threshold: float = 0.5,
    top_k: int = TOP_K,
) -> list[Prediction]:
    """One prediction a picture from the probabilities of ``outputs``."""
    decided = decide(outputs.answer, labels, positive=positive, threshold=threshold)
    predictions = []
    for row, embedding, index in zip(outputs.answer, outputs.embedding, decided, strict=True):
        best = np.argsort(-row, kind="stable")[:top_k]
        predictions.append(
            Prediction(
                label=labels[index],
                score=float(row[index]),
                scores={labels[place]: float(row[place]) for place in best},
                embedding=embedding,
            )
        )
    return predictions
