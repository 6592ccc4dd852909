"""Starting from an earlier run: which of its tensors are taken, which are not, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from torch import Tensor

from midrib.backbones.weights.earlier_run import best_file
from midrib.backbones.weights.tensors import read_tensors
from midrib.tasks import TaskModel
from midrib.training.run_folder import RunFolder

_HEAD = "head."
_SHOWN = 4


class LeftOut(BaseModel):
    """A tensor that was not taken."""

    model_config = ConfigDict(frozen=True)

    name: str
    reason: str


class WarmStart(BaseModel):
    """What a classifier took from an earlier run."""

    model_config = ConfigDict(frozen=True)

    run: str
    """The earlier run's folder."""

    taken: list[str]
    """Names of the tensors that were taken."""

    left_out: list[LeftOut]
    """Tensors of either side that were not, and why."""

    def lines(self) -> list[str]:
        """The report for people."""
        lines = [f"weights    {len(self.taken)} tensors of {self.run} taken"]
        reasons = {left.reason: [] for left in self.left_out}  # type: dict[str, list[str]]
        for left in self.left_out:
            reasons[left.reason].append(left.name)
        for reason, names in reasons.items():
            shown = ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
            lines.append(f"left out   {len(names)}, {reason}: {shown}")
        return lines


def warm_start(model: TaskModel, run: Path, labels: Sequence[str]) -> WarmStart:
    """Copy into ``model`` what ``run`` has learnt and fits.

    The head is taken when both have the same labels in the same order, for only then does each of
    its rows mean the same.

    Args:
        model: a new one on the same backbone.
        run: the folder of the earlier run.
        labels: what the rows of the new head stand for.

    Raises:
        TrainingError: ``run`` is no run's folder.
        StorageError: its weights are damaged or not finite.
    """
    learnt, own = read_tensors(best_file(run)), model.state_dict()
    same_labels = list(labels) == RunFolder(run).record().labels
    taken, left_out = {}, []
    for name in sorted(learnt.keys() | own.keys()):
        reason = _reason(name, learnt, own, same_labels=same_labels)
        if reason is None:
            taken[name] = learnt[name]
        else:
            left_out.append(LeftOut(name=name, reason=reason))
    model.load_state_dict(own | taken)
    return WarmStart(run=str(run), taken=list(taken), left_out=left_out)


def _reason(
    name: str, learnt: dict[str, Tensor], own: dict[str, Tensor], *, same_labels: bool
) -> str | None:
    """Why a tensor is not taken, or None."""
    if name not in learnt:
        return "missing in the run"
    if name not in own:
        return "not in the new model"
    if name.startswith(_HEAD) and not same_labels:
        return "the labels differ"
    if learnt[name].shape != own[name].shape:
        return f"shape {tuple(learnt[name].shape)} instead of {tuple(own[name].shape)}"
    return None
