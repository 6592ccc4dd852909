"""What an evaluation of a segmenter found: kept whole, as `Evaluation` is of classifiers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from midrib.errors import StorageError
from midrib.evaluation.records import Skipped
from midrib.metrics.decisions import Counts
from midrib.names import unknown_name
from midrib.packages import Decision
from midrib.records import Floats, Rle, Score, Size
from midrib.storage import write_bytes

TASK = "segmentation"

Masks = Mapping[str, Rle]
"""Where each class of one picture is, but for background."""


@dataclass(frozen=True)
class PixelCounts:
    """Pixels of each class in each picture: int64, pictures × classes; unknown ones do not count.

    ``right``: decided rightly. ``true`` and ``decided``: how many there are. ``rim_shared`` and
    ``rim_united``: of the rims, see `midrib.metrics.SegmentationCounts`.
    """

    right: Counts
    true: Counts
    decided: Counts
    rim_shared: Counts
    rim_united: Counts

    def weighted(self, weights: NDArray[np.int64]) -> PixelCounts:
        """Sums over pictures, each taken as often as ``weights`` (rounds × pictures) say."""
        return PixelCounts(**{name: weights @ array for name, array in self.arrays().items()})

    def arrays(self) -> dict[str, Counts]:
        """Its arrays by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True)
class SegmentationEvaluation:
    """One package's answers on one split, a row a readable picture.

    ``labels``: background first. ``counts``: of each picture. ``matrix``: pixels of all pictures
    by true class (rows) and decided class, int64, classes². ``truth`` and ``found``: masks in
    pixels of the upright pictures, whose ``sizes`` are height and width. ``confidence``: float32,
    how probable the decided classes are. ``embedding``: float32, count × features.
    ``statistics``: float32, count × 4, see `midrib.packages.picture_statistics`. ``leaked``:
    pictures that the model has learnt from copies of.
    """

    split: str
    labels: tuple[str, ...]
    decision: Decision
    paths: tuple[Path, ...]
    sizes: tuple[Size, ...] = field(repr=False)
    counts: PixelCounts = field(repr=False)
    matrix: Counts = field(repr=False)
    truth: tuple[Masks, ...] = field(repr=False)
    found: tuple[Masks, ...] = field(repr=False)
    confidence: Floats = field(repr=False)
    embedding: Floats = field(repr=False)
    statistics: Floats = field(repr=False)
    scores: tuple[Score, ...]
    skipped: tuple[Skipped, ...]
    leaked: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.paths)

    def masks_of(self, index: int) -> dict[str, Rle]:
        """What was answered for one picture."""
        return dict(self.found[index])

    @property
    def decided_shares(self) -> dict[str, float]:
        """The share of all known pixels that each class was decided for."""
        decided = self.counts.decided.sum(axis=0)
        shares = (decided / max(1, int(decided.sum()))).tolist()
        return dict(zip(self.labels, shares, strict=True))

    def score(self, metric: str) -> Score:
        """The score called ``metric``. Raises ``UnknownNameError``."""
        for score in self.scores:
            if score.metric == metric:
                return score
        raise unknown_name("score", metric, [score.metric for score in self.scores])

    def as_record(self) -> dict[str, object]:
        """JSON-ready fields, without the masks: scores, pixels, confusion (rows: truth)."""
        return {
            "split": self.split,
            "pictures": len(self),
            "labels": list(self.labels),
            "pixels": dict(zip(self.labels, self.counts.true.sum(axis=0).tolist(), strict=True)),
            "answered": dict(
                zip(self.labels, self.counts.decided.sum(axis=0).tolist(), strict=True)
            ),
            "scores": [score.model_dump() for score in self.scores],
            "confusion": self.matrix.tolist(),
            "skipped": [{"path": str(path), "reason": why} for path, why in self.skipped],
            "leaked": [str(path) for path in self.leaked],
        }

    def save(self, path: Path) -> None:
        """Write everything to one safetensors file. Raises ``StorageError``."""
        from safetensors.numpy import save

        facts = {
            "task": TASK,
            "split": self.split,
            "labels": self.labels,
            "decision": self.decision.model_dump(),
            "paths": [str(path) for path in self.paths],
            "sizes": self.sizes,
            "scores": [score.model_dump() for score in self.scores],
            "skipped": [(str(path), reason) for path, reason in self.skipped],
            "leaked": [str(path) for path in self.leaked],
        }
        arrays: dict[str, NDArray[Any]] = {
            "embedding": self.embedding,
            "statistics": self.statistics,
            "confidence": self.confidence,
            "matrix": self.matrix,
            "truth": _as_bytes(self.truth),
            "found": _as_bytes(self.found),
            **self.counts.arrays(),
        }
        whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        write_bytes(path, save(whole, metadata={"evaluation": json.dumps(facts)}))

    @classmethod
    def load(cls, path: Path) -> SegmentationEvaluation:
        """Read what `save` wrote. Raises ``StorageError``."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as stored:
                facts = json.loads((stored.metadata() or {})["evaluation"])
                arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - it is no mapping
            counts = PixelCounts(**{each.name: arrays[each.name] for each in fields(PixelCounts)})
            truth, found = (_from_bytes(arrays[name]) for name in ("truth", "found"))
        except (OSError, KeyError, ValueError, TypeError, SafetensorError) as problem:
            raise StorageError(
                f"{path} cannot be read: {problem}",
                expected="an evaluation that midrib saved",
                todo="evaluate the package again",
            ) from None
        return cls(
            split=facts["split"],
            labels=tuple(facts["labels"]),
            decision=Decision(**facts["decision"]),
            paths=tuple(Path(path) for path in facts["paths"]),
            sizes=tuple(Size(*size) for size in facts["sizes"]),
            counts=counts,
            matrix=arrays["matrix"],
            truth=truth,
            found=found,
            confidence=arrays["confidence"],
            embedding=arrays["embedding"],
            statistics=arrays["statistics"],
            scores=tuple(Score(**score) for score in facts["scores"]),
            skipped=tuple(Skipped(Path(path), reason) for path, reason in facts["skipped"]),
            leaked=tuple(Path(path) for path in facts["leaked"]),
        )


def _as_bytes(pictures: Sequence[Masks]) -> NDArray[np.uint8]:
    """Masks of all pictures as JSON."""
    rows = [
        {label: [rle.height, rle.width, rle.counts] for label, rle in masks.items()}
        for masks in pictures
    ]
    return np.frombuffer(json.dumps(rows).encode("ascii"), np.uint8)


def _from_bytes(told: NDArray[np.uint8]) -> tuple[Masks, ...]:
    rows = json.loads(told.tobytes())
    return tuple({label: Rle(*mask) for label, mask in row.items()} for row in rows)
