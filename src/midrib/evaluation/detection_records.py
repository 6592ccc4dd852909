"""What an evaluation of a detector found: kept whole, as `Evaluation` is of classifiers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from midrib.errors import StorageError
from midrib.evaluation.records import Skipped
from midrib.metrics.objects import FoundObjects, Shape, TrueObjects
from midrib.names import unknown_name
from midrib.records import Floats, Rle, Score
from midrib.storage import write_bytes

TASK = "detection"
_MASKS_OF = {"true": "masks_of_true", "found": "masks_of_found"}


@dataclass(frozen=True)
class DetectionEvaluation:
    """One package's answers on one split, a row a readable picture.

    ``truth`` and ``found``: the objects of each picture, in pixels of the upright picture; found
    are all that the package's suppression leaves, whatever its threshold decides. ``threshold``:
    the score from which an object is answered. ``embedding``: float32, count × features.
    ``statistics``: float32, count × 4, see `midrib.packages.picture_statistics`. ``leaked``:
    pictures that the model has learnt from copies of. ``groups``: what each picture belongs to,
    '' for nothing; empty in evaluations that were saved before there were any. ``with_masks``:
    whether the package draws masks; then all objects have them, and are compared by them.
    """

    split: str
    labels: tuple[str, ...]
    threshold: float
    paths: tuple[Path, ...]
    truth: tuple[TrueObjects, ...] = field(repr=False)
    found: tuple[FoundObjects, ...] = field(repr=False)
    embedding: Floats = field(repr=False)
    statistics: Floats = field(repr=False)
    scores: tuple[Score, ...]
    skipped: tuple[Skipped, ...]
    leaked: tuple[Path, ...] = ()
    groups: tuple[str, ...] = ()
    with_masks: bool = False

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def shape(self) -> Shape:
        """What of two objects is compared."""
        return "masks" if self.with_masks else "boxes"

    @property
    def answered(self) -> tuple[FoundObjects, ...]:
        """The objects of each picture that are sure enough to be answered."""
        return tuple(
            each.only(np.flatnonzero(each.scores >= np.float32(self.threshold)))
            for each in self.found
        )

    def score(self, metric: str) -> Score:
        """The score called ``metric``. Raises ``UnknownNameError``."""
        for score in self.scores:
            if score.metric == metric:
                return score
        raise unknown_name("score", metric, [score.metric for score in self.scores])

    def as_record(self) -> dict[str, object]:
        """JSON-ready fields, without the answers: scores, objects, skipped."""
        return {
            "split": self.split,
            "pictures": len(self),
            "labels": list(self.labels),
            "threshold": self.threshold,
            "objects": sum(int((~each.crowd).sum()) for each in self.truth),
            "answered": sum(map(len, self.answered)),
            "scores": [score.model_dump() for score in self.scores],
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
            "threshold": self.threshold,
            "paths": [str(path) for path in self.paths],
            "scores": [score.model_dump() for score in self.scores],
            "skipped": [(str(path), reason) for path, reason in self.skipped],
            "leaked": [str(path) for path in self.leaked],
            "groups": self.groups,
            "with_masks": self.with_masks,
        }
        arrays: dict[str, NDArray[Any]] = {
            "embedding": self.embedding,
            "statistics": self.statistics,
            **_flat("true", self.truth, ("xyxy", "classes", "crowd")),
            **_flat("found", self.found, ("xyxy", "classes", "scores")),
        }
        if self.with_masks:
            arrays |= {_MASKS_OF["true"]: _as_bytes(self.truth)}
            arrays |= {_MASKS_OF["found"]: _as_bytes(self.found)}
        whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        write_bytes(path, save(whole, metadata={"evaluation": json.dumps(facts)}))

    @classmethod
    def load(cls, path: Path) -> DetectionEvaluation:
        """Read what `save` wrote. Raises ``StorageError``."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as stored:
                facts = json.loads((stored.metadata() or {})["evaluation"])
                arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - it is no mapping
            truth = [TrueObjects(**row) for row in _rows("true", arrays)]
            found = [FoundObjects(**row) for row in _rows("found", arrays)]
        except (OSError, KeyError, ValueError, SafetensorError) as problem:
            raise StorageError(
                f"{path} cannot be read: {problem}",
                expected="an evaluation that midrib saved",
                todo="evaluate the package again",
            ) from None
        return cls(
            split=facts["split"],
            labels=tuple(facts["labels"]),
            threshold=facts["threshold"],
            paths=tuple(Path(path) for path in facts["paths"]),
            truth=tuple(truth),
            found=tuple(found),
            embedding=arrays["embedding"],
            statistics=arrays["statistics"],
            scores=tuple(Score(**score) for score in facts["scores"]),
            skipped=tuple(Skipped(Path(path), reason) for path, reason in facts["skipped"]),
            leaked=tuple(Path(path) for path in facts["leaked"]),
            groups=tuple(facts.get("groups", ())),
            with_masks=bool(facts.get("with_masks")),
        )


def task_of(path: Path) -> str:
    """The task of the evaluation in a file. Raises ``StorageError``."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as stored:
            facts = json.loads((stored.metadata() or {})["evaluation"])
    except (OSError, KeyError, ValueError, SafetensorError) as problem:
        raise StorageError(
            f"{path} cannot be read: {problem}",
            expected="an evaluation that midrib saved",
            todo="evaluate the package again",
        ) from None
    return str(facts.get("task", "classification"))


def _flat(
    kind: str, rows: Sequence[TrueObjects | FoundObjects], names: tuple[str, ...]
) -> dict[str, NDArray[Any]]:
    """The objects of all pictures in one array a name, and how many there are in each."""
    counts = np.array([len(row) for row in rows], np.int64)
    parts = {
        f"{kind}_{name}": np.concatenate([getattr(row, name) for row in rows]) for name in names
    }
    return {f"{kind}_count": counts, **parts}


def _as_bytes(rows: Sequence[TrueObjects | FoundObjects]) -> NDArray[np.uint8]:
    """Masks of all pictures as JSON."""
    told = [[[mask.height, mask.width, mask.counts] for mask in row.masks] for row in rows]
    return np.frombuffer(json.dumps(told).encode("ascii"), np.uint8)


def _masks(told: NDArray[np.uint8]) -> list[tuple[Rle, ...]]:
    """What `_as_bytes` wrote."""
    return [tuple(Rle(*mask) for mask in row) for row in json.loads(told.tobytes())]


def _rows(kind: str, arrays: dict[str, NDArray[Any]]) -> list[dict[str, Any]]:
    ends = np.cumsum(arrays[f"{kind}_count"])[:-1]
    parts: dict[str, Sequence[Any]] = {
        name.removeprefix(f"{kind}_"): np.split(array, ends)
        for name, array in arrays.items()
        if name.startswith(f"{kind}_") and name != f"{kind}_count"
    }
    if _MASKS_OF[kind] in arrays:
        parts["masks"] = _masks(arrays[_MASKS_OF[kind]])
    return [
        {name: split[row] for name, split in parts.items()}
        for row in range(len(arrays[f"{kind}_count"]))
    ]
