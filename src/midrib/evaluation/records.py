"""What an evaluation found: kept whole, so that reports and references need no second run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from midrib.errors import StorageError
from midrib.metrics import confusion_matrix
from midrib.names import unknown_name
from midrib.records import Floats, Score
from midrib.storage import write_bytes

_ARRAYS = ("truth", "answer", "embedding", "statistics", "decided")


class Skipped(NamedTuple):
    """A picture that could not be read, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Evaluation:
    """One package's answers on one split, a row a readable picture.

    ``truth`` and ``decided``: int64, count, places in ``labels``. ``answer``: float32, count ×
    classes. ``embedding``: float32, count × features. ``statistics``: float32, count × 4, see
    `midrib.packages.picture_statistics`. ``positive``: the label that the package's threshold is
    about, or None. ``leaked``: pictures that the model has learnt from copies of; where there are
    any, ``scores`` has every score twice, with them and without.
    """

    split: str
    labels: tuple[str, ...]
    positive: str | None
    paths: tuple[Path, ...]
    truth: NDArray[np.int64] = field(repr=False)
    answer: Floats = field(repr=False)
    embedding: Floats = field(repr=False)
    statistics: Floats = field(repr=False)
    decided: NDArray[np.int64] = field(repr=False)
    scores: tuple[Score, ...]
    skipped: tuple[Skipped, ...]
    leaked: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def positive_index(self) -> int | None:
        """Place of the class that is looked for: ``positive``, or the second of two."""
        if self.positive is not None:
            return self.labels.index(self.positive)
        return 1 if len(self.labels) == 2 else None

    def score(self, metric: str) -> Score:
        """The score called ``metric``. Raises ``UnknownNameError``."""
        for score in self.scores:
            if score.metric == metric:
                return score
        raise unknown_name("score", metric, [score.metric for score in self.scores])

    def as_record(self) -> dict[str, object]:
        """JSON-ready fields, without the answers: scores, confusion (rows: truth), skipped."""
        return {
            "split": self.split,
            "pictures": len(self),
            "labels": list(self.labels),
            "scores": [score.model_dump() for score in self.scores],
            "confusion": confusion_matrix(self.truth, self.decided, len(self.labels)).tolist(),
            "skipped": [{"path": str(path), "reason": why} for path, why in self.skipped],
            "leaked": [str(path) for path in self.leaked],
        }

    def save(self, path: Path) -> None:
        """Write everything to one safetensors file. Raises ``StorageError``."""
        from safetensors.numpy import save

        facts = {
            "split": self.split,
            "labels": self.labels,
            "positive": self.positive,
            "paths": [str(path) for path in self.paths],
            "scores": [score.model_dump() for score in self.scores],
            "skipped": [(str(path), reason) for path, reason in self.skipped],
            "leaked": [str(path) for path in self.leaked],
        }
        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in _ARRAYS}
        write_bytes(path, save(arrays, metadata={"evaluation": json.dumps(facts)}))

    @classmethod
    def load(cls, path: Path) -> Evaluation:
        """Read what `save` wrote. Raises ``StorageError``."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as stored:
                facts = json.loads((stored.metadata() or {})["evaluation"])
                arrays = {name: stored.get_tensor(name) for name in _ARRAYS}
        except (OSError, KeyError, ValueError, SafetensorError) as problem:
            raise StorageError(
                f"{path} cannot be read: {problem}",
                expected="an evaluation that midrib saved",
                todo="evaluate the package again",
            ) from None
        return cls(
            split=facts["split"],
            labels=tuple(facts["labels"]),
            positive=facts["positive"],
            paths=tuple(Path(path) for path in facts["paths"]),
            scores=tuple(Score(**score) for score in facts["scores"]),
            skipped=tuple(Skipped(Path(path), reason) for path, reason in facts["skipped"]),
            leaked=tuple(Path(path) for path in facts.get("leaked", ())),
            **arrays,
        )
