"""A stand-in for what a model is asked: pictures, embeddings and answers from known laws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from midrib.monitoring import LoggedPrediction
from midrib.packages import PICTURE_STATISTICS, EmbeddingSketch, Reference, picture_statistics
from midrib.packages.reference import Histogram
from midrib.records import Floats, PixelBatch

LABELS = ("sound", "defective")
EMBEDDING_SIZE = 12


@dataclass(frozen=True)
class Stream:
    """Pictures with what a model made of them; ``light`` scales them, ``turn`` moves features."""

    pictures: PixelBatch
    embeddings: Floats
    scores: Floats
    decided: NDArray[np.int64]

    @classmethod
    def draw(
        cls, count: int, *, seed: int, light: float = 1.0, turn: float = 0.0, defects: float = 0.3
    ) -> Stream:
        random = np.random.default_rng(seed)
        noise = random.integers(40, 200, (count, 16, 16, 3)) * random.uniform(
            0.6, 1, (count, 1, 1, 1)
        )
        return cls(
            pictures=(noise * light).astype(np.uint8),
            embeddings=random.normal(turn, 1, (count, EMBEDDING_SIZE)).astype(np.float32),
            scores=random.uniform(0.5, 1, count).astype(np.float32),
            decided=(random.uniform(size=count) < defects).astype(np.int64),
        )

    def reference(self) -> Reference:
        statistics = picture_statistics(self.pictures)
        sketch = EmbeddingSketch(embedding_size=EMBEDDING_SIZE)
        projected = sketch.project(self.embeddings)
        return Reference(
            pictures=len(self.pictures),
            class_shares={
                label: float((self.decided == index).mean()) for index, label in enumerate(LABELS)
            },
            confidence=Histogram.of(self.scores),
            statistics={
                name: Histogram.of(statistics[:, column])
                for column, name in enumerate(PICTURE_STATISTICS)
            },
            sketch=sketch,
            sketch_mean=projected.mean(axis=0).tolist(),
            sketch_covariance=np.cov(projected.T).tolist(),
        )

    def predictions(self, *, model: str = "cells", version: int = 1) -> list[LoggedPrediction]:
        return [
            LoggedPrediction(
                id=f"{version}-{index}",
                model=model,
                version=version,
                engine="onnxruntime",
                latency_ms=float(index + 1),
                bytes=1000 + index,
                label=LABELS[self.decided[index]],
                score=float(self.scores[index]),
                picture=self.pictures[index],
                embedding=self.embeddings[index],
            )
            for index in range(len(self.pictures))
        ]
