"""Backbones to choose from."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from pydantic import Field

from midrib.backbones.catalogue import folded
from midrib.backbones.frameworks import FRAMEWORKS
from midrib.backbones.listing.listed import Found, Listed, find_backbones
from midrib.columns import UNKNOWN, aligned, short
from midrib.config import Config
from midrib.errors import UsageError
from midrib.names import unknown_name
from midrib.reporting import SILENT, Advance, Reporter
from midrib.settings import Settings
from midrib.tasks.algorithms import ALGORITHMS, Algorithm, Fit

_HEADINGS = ("name", "family", "parameters", "multiply-adds", "at", "top-1 %", "weights")
_LEFT = (0, 1, 6, 7)


class BackboneFilter(Config):
    """Which backbones are wanted. Every condition that is given has to hold."""

    like: str = ""
    """A part of the name, or a pattern with ``*`` and ``?``; after 'timm:' or 'torchvision:' it
    means every model of that library, else the built-in ones and those of third parties."""

    family: str | None = None
    """As the list names it; of timm and torchvision it is the module that has the model."""

    task: str | None = None
    """Some algorithm for that task takes the backbone."""

    algorithm: str | None = None
    """That algorithm takes the backbone."""

    framework: str | None = None
    """The backbone can be trained in that framework."""

    min_parameters: int | None = Field(default=None, ge=0)
    """Of the published network."""

    max_parameters: int | None = Field(default=None, ge=0)
    """Of the published network."""

    min_multiply_adds: int | None = Field(default=None, ge=0)
    """Of the published network, for one picture of its native size."""

    max_multiply_adds: int | None = Field(default=None, ge=0)
    """Of the published network, for one picture of its native size."""

    has_weights: bool = False
    """Somebody has weights for it."""


@dataclass(frozen=True)
class BackboneRow:
    """One backbone, and how it meets the algorithm that was asked for, if one was."""

    listed: Listed
    fit: Fit | None = None

    def as_record(self) -> dict[str, object]:
        """The row as JSON-ready fields.

        ``parameters`` and ``multiply_adds`` are those of the published network with its classifier
        of 1,000 classes, for one picture of ``size`` pixels in height and width.
        """
        origin, counts = self.listed.origin, self.listed.counts
        return {
            "name": origin.name,
            "family": origin.family,
            "source": origin.source,
            "model": origin.model,
            "reference": origin.reference,
            "parameters": counts.published_parameters,
            "multiply_adds": counts.published_multiply_adds,
            "multiply_adds_at_224": counts.published_multiply_adds_at_224,
            "size": counts.native_size,
            "published_top1": counts.top1,
            "published_top1_source": counts.top1_source,
            "weights": list(self.listed.weights),
            "features": counts.features,
            "levels": [{"stride": stride, "channels": depth} for stride, depth in counts.levels],
            "backbone_parameters": counts.parameters,
            "backbone_multiply_adds": counts.multiply_adds,
            **({"fit": self.fit.as_record()} if self.fit else {}),
        }

    def words(self) -> tuple[str, ...]:
        """The row as it stands in the table."""
        origin, counts = self.listed.origin, self.listed.counts
        return (
            origin.name,
            origin.family,
            short(counts.published_parameters),
            short(counts.published_multiply_adds),
            str(counts.native_size),
            UNKNOWN if counts.top1 is None else f"{counts.top1:.1f}",
            ", ".join(self.listed.weights) or "none",
            *([self.fit.describe()] if self.fit else []),
        )


@dataclass(frozen=True)
class BackboneList:
    """Backbones that are as wanted, and what has to be said of those that are not among them."""

    rows: tuple[BackboneRow, ...]
    notes: tuple[str, ...] = ()

    def as_record(self) -> dict[str, object]:
        return {"backbones": [row.as_record() for row in self.rows], "notes": list(self.notes)}

    def lines(self) -> list[str]:
        if not self.rows:
            return list(self.notes) or ["no backbone is like that; fewer conditions find more"]
        headings = (*_HEADINGS, *(["takes"] if self.rows[0].fit else []))
        table = aligned([headings, *(row.words() for row in self.rows)], left=_LEFT)
        return [
            *table,
            "",
            "Parameters and multiply-adds are those of the published network, for one picture of "
            "the native size.",
            "Top-1 is what others published for ImageNet, not measured here.",
            *self.notes,
        ]


def list_backbones(
    wanted: BackboneFilter | None = None,
    *,
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> BackboneList:
    """The backbones that are as wanted. Listing the built-in ones loads no torch.

    Args:
        wanted: conditions; None for every built-in backbone and those of third parties.
        settings: where counts of other models are remembered.
        reporter: is told which model is counted.

    Raises:
        UnknownNameError: no family, task, algorithm or framework has that name.
        MissingExtraError: other models than the built-in ones are asked for without the lab.
    """
    wanted = wanted or BackboneFilter()
    algorithms = _algorithms(wanted)
    framework = FRAMEWORKS.get(wanted.framework) if wanted.framework else None
    if framework is not None and not framework.stands:
        return BackboneList((), (f"{framework.title}: not yet; midrib trains in PyTorch today.",))
    found = _find(wanted, settings or Settings(), reporter)
    rows = []
    for each in _of_family(found.listed, wanted.family):
        fits = _fits(algorithms, each)
        taken = not fits or any(fit.takes for fit in fits)
        trained = framework is None or each.origin.source in framework.takes
        if taken and trained and _is_within(each, wanted):
            rows.append(BackboneRow(each, fits[0] if wanted.algorithm else None))
    notes = tuple(f"{name} could not be counted: {reason}" for name, reason in found.uncounted)
    return BackboneList(tuple(rows), notes)


def _find(wanted: BackboneFilter, settings: Settings, reporter: Reporter) -> Found:
    """Look for them; a bar is shown once there is something to count."""
    with ExitStack() as stack:
        bars: list[Advance] = []

        def progress(done: int, total: int, name: str) -> None:
            if not bars:
                bars.append(stack.enter_context(reporter.bar("count backbones")))
            bars[0](done, total, name)

        return find_backbones(wanted.like, settings.counts, progress)


def _algorithms(wanted: BackboneFilter) -> list[Algorithm]:
    """Those of which one has to take a backbone; none are asked for when the list is empty."""
    if wanted.algorithm:
        chosen = ALGORITHMS.get(wanted.algorithm)
        if wanted.task and wanted.task not in chosen.tasks:
            raise UsageError(
                f"'{wanted.algorithm}' is no algorithm for the task '{wanted.task}'",
                expected=f"the task '{chosen.task}'",
                todo="leave one of the two out",
            )
        return [chosen]
    if wanted.task is None:
        return []
    known = [ALGORITHMS.get(name) for name in ALGORITHMS]
    tasks = {task for each in known for task in each.tasks}
    if wanted.task not in tasks:
        raise unknown_name("task", wanted.task, tasks)
    return [each for each in known if wanted.task in each.tasks]


def _fits(algorithms: list[Algorithm], listed: Listed) -> list[Fit]:
    strides = [stride for stride, _ in listed.counts.levels]
    return [algorithm.fit(strides) for algorithm in algorithms]


def _of_family(listed: tuple[Listed, ...], family: str | None) -> list[Listed]:
    if family is None:
        return list(listed)
    known = {folded(each.origin.family): each.origin.family for each in listed}
    if folded(family) not in known:
        raise unknown_name("family", family, known.values())
    return [each for each in listed if folded(each.origin.family) == folded(family)]


def _is_within(listed: Listed, wanted: BackboneFilter) -> bool:
    counts = listed.counts
    bounds = (
        (wanted.min_parameters, counts.published_parameters, wanted.max_parameters),
        (wanted.min_multiply_adds, counts.published_multiply_adds, wanted.max_multiply_adds),
    )
    return (bool(listed.weights) or not wanted.has_weights) and all(
        (low is None or low <= count) and (high is None or count <= high)
        for low, count, high in bounds
    )
