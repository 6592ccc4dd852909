"""What backbones cost on this machine: build ▸ measure in turns ▸ keep.

Every cell is measured by fresh processes, one a round, and the rounds of all cells take turns, so
that a change of the machine's speed falls on all alike. Whatever is finished is kept at once: the
same call goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from midrib.config import Config
from midrib.selection import building, measuring, quantizing
from midrib.selection.cells import INT8, Cell, cells_of, hindrance, require_cells
from midrib.selection.config import CostConfig
from midrib.selection.kept import KeptCosts
from midrib.selection.records import Cost, Findings, Round
from midrib.work import WorkError, ask

Progress = Callable[[int, int, str], None]
"""Steps done, steps in all, and what is being done."""

_BUILD = "midrib.selection.building:build"
_QUANTIZE = "midrib.selection.quantizing:quantize"
_MEASURE = "midrib.selection.measuring:measure_round"
_BUILDING_SECONDS = 3600.0
_LOADING_SECONDS = 900.0
_PARTS_OF_A_ROUND = 2  # single pictures, then batches
# Random weights are all that is wanted: nothing may be fetched, nothing be told.
_QUIET = {"MIDRIB_OFFLINE": "1", "HF_HUB_OFFLINE": "1"}


def measure_costs(
    backbones: Sequence[str],
    config: CostConfig,
    folder: Path,
    *,
    fresh: bool = False,
    progress: Progress | None = None,
) -> list[Cost]:
    """Measure every backbone in every engine and precision, or recall what was measured.

    Args:
        backbones: names that `midrib.backbones.create_backbone` takes.
        config: what is measured, and for how long.
        folder: where findings are kept.
        fresh: forget what is kept of these cells.
        progress: is told what is being done.

    Returns:
        One cost a cell, in the order of backbones, engines and precisions; a cell that could not
        be measured says why.

    Raises:
        UsageError: nothing can be measured like that, no engine has the device, or costs are
            being measured here already.
        StorageError: the folder cannot be written.
    """
    require_cells(config)
    kept = KeptCosts(folder, config)
    with kept.locked():
        measurement = _Measurement(backbones, config, kept, fresh=fresh, progress=progress)
        measurement.build()
        measurement.take_turns()
        for backbone in backbones:
            kept.discard_models(backbone)
        return [
            Cost(job.cell, kept.facts(job.cell.backbone), job.findings, job.reason)
            for job in measurement.jobs
        ]


@dataclass
class _Job:
    """A cell, how far it is, and why it goes no further."""

    cell: Cell
    findings: Findings
    reason: str

    def missing(self, rounds: int) -> int:
        """How many rounds are to be measured yet."""
        return 0 if self.reason else max(0, rounds - len(self.findings.rounds))


class _Measurement:
    """Jobs, and how they are done."""

    def __init__(
        self,
        backbones: Sequence[str],
        config: CostConfig,
        kept: KeptCosts,
        *,
        fresh: bool,
        progress: Progress | None,
    ) -> None:
        self._backbones, self._config, self._kept = backbones, config, kept
        self._progress, self._done = progress, 0
        self._to_build = 0
        cells = cells_of(backbones, config)
        against = {(each.engine, each.precision): "" for each in cells}
        against = {way: hindrance(Cell("", *way), config) for way in against}
        if fresh:
            for cell in cells:
                kept.forget(cell)
        self.jobs = [
            _Job(cell, kept.findings(cell), against[cell.engine, cell.precision]) for cell in cells
        ]

    def build(self) -> None:
        """Make the files that are missing; where that fails, the cells that need them say so."""
        waiting = [name for name in self._backbones if self._open_jobs(name)]
        self._to_build = len(waiting)
        for backbone in waiting:
            self._tell(f"building {backbone}")
            self._export(backbone)
            self._quantize(backbone)
            self._to_build, self._done = self._to_build - 1, self._done + 1

    def take_turns(self) -> None:
        """Measure round after round, the order of the cells turned round every other time."""
        order = list(self.jobs)
        for number in range(1, self._config.rounds + 1):
            for job in order:
                if job.missing(number):
                    self._tell(str(job.cell))
                    self._measure(job)
            order.reverse()
        self._tell("")

    def _export(self, backbone: str) -> None:
        jobs, folder = self._open_jobs(backbone), self._kept.built(backbone)
        with_file = [job for job in jobs if job.cell.variant]
        lacks_file = bool(with_file) and not (folder / building.FLOAT_FILE).is_file()
        if self._kept.facts(backbone) is not None and not lacks_file:
            return
        request = building.BuildRequest(
            backbone=backbone, size=self._config.size, folder=folder, export=bool(with_file)
        )
        _, reason = self._ask(_BUILD, request, _BUILDING_SECONDS)
        if reason:
            # The eager model needs no file, but nothing can be done with what cannot be made.
            made = self._kept.facts(backbone) is not None
            _close(with_file if made else jobs, f"not exported: {reason}" if made else reason)

    def _quantize(self, backbone: str) -> None:
        folder, facts = self._kept.built(backbone), self._kept.facts(backbone)
        jobs = [job for job in self._open_jobs(backbone) if job.cell.variant == INT8]
        if not jobs or facts is None or (folder / quantizing.INT8_FILE).is_file():
            return
        request = quantizing.QuantizeRequest(
            source=folder / building.FLOAT_FILE,
            target=folder / quantizing.INT8_FILE,
            height=facts.height,
            width=facts.width,
        )
        _, reason = self._ask(_QUANTIZE, request, _BUILDING_SECONDS)
        if reason:
            _close(jobs, f"not quantized: {reason}")

    def _measure(self, job: _Job) -> None:
        cell, config, facts = job.cell, self._config, self._kept.facts(job.cell.backbone)
        if facts is None:
            raise AssertionError("cells of what was not built have a reason and are not measured")
        file = cell.variant and self._kept.built(cell.backbone) / f"{cell.variant}.onnx"
        request = measuring.RoundRequest(
            **config.model_dump(include={"size", "device", "threads", "batch", "seconds"}),
            backbone=cell.backbone,
            engine=cell.engine,
            computed_in=cell.computed_in,
            file=file or None,
            height=facts.height,
            width=facts.width,
        )
        seconds = _LOADING_SECONDS + _PARTS_OF_A_ROUND * config.seconds
        found, reason = self._ask(_MEASURE, request, seconds)
        self._done += 1
        if reason:
            job.reason = reason
            return
        rounds = (*job.findings.rounds, Round(**found))
        job.findings = Findings(file_bytes=file.stat().st_size if file else None, rounds=rounds)
        self._kept.keep(cell, job.findings)

    def _ask(self, work: str, request: Config, seconds: float) -> tuple[Any, str]:
        """The answer, or None and why there is none."""
        environment = _QUIET | {"OMP_NUM_THREADS": str(self._config.threads)}
        asked = request.model_dump(mode="json")
        try:
            return ask(work, asked, seconds=seconds, environment=environment), ""
        except WorkError as problem:
            # What engines advise is about packages.
            return None, problem.came if work == _MEASURE else str(problem)

    def _open_jobs(self, backbone: str) -> list[_Job]:
        """The jobs of a backbone that have rounds to go."""
        rounds = self._config.rounds
        return [job for job in self.jobs if job.cell.backbone == backbone and job.missing(rounds)]

    def _tell(self, text: str) -> None:
        if self._progress is not None:
            missing = sum(job.missing(self._config.rounds) for job in self.jobs)
            self._progress(self._done, self._done + self._to_build + missing, text)


def _close(jobs: Sequence[_Job], reason: str) -> None:
    """Say why these go no further."""
    for job in jobs:
        job.reason = reason
