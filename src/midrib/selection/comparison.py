"""Backbones side by side: what they cost here, and what is published of their accuracy."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from midrib.evaluation.wording import counted
from midrib.machine import machine_name, usable_cores
from midrib.selection.config import CostConfig
from midrib.selection.energy import EnergyMeter
from midrib.selection.kept import library_versions
from midrib.selection.published import Published
from midrib.selection.records import Cost

_LIBRARIES = (
    "midrib",
    "onnxruntime",
    "openvino",
    "nncf",
    "torch",
    "torchvision",
    "timm",
    "onnx",
    "onnxscript",
    "numpy",
)
_BUSY_SHARE = 0.1
"""Share of the cores that others may use before a figure is not to be trusted."""


def _machine_facts() -> dict[str, str]:
    return {"processor": machine_name(), "python": platform.python_version()}


@dataclass(frozen=True)
class Comparison:
    """Costs of backbones on one machine.

    ``published`` is told by backbone; ``energy_reason`` says why no energy is told, where none is.
    """

    costs: Sequence[Cost]
    published: Mapping[str, Published]
    config: CostConfig
    energy_reason: str = field(default_factory=lambda: EnergyMeter().reason)
    machine: Mapping[str, str] = field(default_factory=_machine_facts)
    libraries: Mapping[str, str] = field(default_factory=lambda: library_versions(_LIBRARIES))
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def backbones(self) -> list[str]:
        """Every backbone, in its order."""
        return list(dict.fromkeys(cost.cell.backbone for cost in self.costs))

    def of(self, backbone: str) -> list[Cost]:
        """The costs of one backbone."""
        return [cost for cost in self.costs if cost.cell.backbone == backbone]

    def disturbed(self) -> list[Cost]:
        """Cells that were measured while others used more than a tenth of the cores."""
        bearable = _BUSY_SHARE * usable_cores()
        return [cost for cost in self.costs if (cost.median("foreign_cores") or 0) > bearable]

    def notes(self) -> list[str]:
        """What a reader has to know to read the figures."""
        config = self.config
        shown = [
            f"Latency is that of one picture, pictures a second come in batches of {config.batch}, "
            f"with {counted(config.threads, 'thread')}; median (smallest to largest) of "
            f"{self._rounds()}, each in a fresh process, the cells taking turns.",
            "Memory is what the process grew by at its peak, its libraries not counted; load is "
            "from the file to the first answer.",
            "The weights are random, for they do not change what a backbone costs; int8 is "
            "quantized on noise, and its answers were not looked at.",
        ]
        if self.published:
            shown.append(
                "Top-1 is published, not measured here: that of the published weights in fp32, at "
                "their own size."
            )
        if self.energy_reason:
            shown.append(f"No energy: {self.energy_reason}.")
        disturbed = self.disturbed()
        if disturbed:
            worst = max(cost.median("foreign_cores") or 0 for cost in disturbed)
            shown.append(
                f"Not to be relied on: others kept up to {worst:.1f} cores busy while "
                f"{len(disturbed)} of {len(self.costs)} cells were measured; measure again with "
                "--fresh on a quiet machine."
            )
        return shown

    def _rounds(self) -> str:
        """How many rounds were measured; more than were asked for where more were known."""
        counts = {len(cost.findings.rounds) for cost in self.costs if cost.findings.rounds}
        least, most = min(counts, default=0), max(counts, default=0)
        return counted(most, "round") if least == most else f"{least} to {counted(most, 'round')}"

    def as_record(self) -> dict[str, object]:
        """All of it, JSON-ready."""
        return {
            "created": self.created.isoformat(timespec="seconds"),
            "machine": dict(self.machine),
            "libraries": dict(self.libraries),
            "options": self.config.model_dump(mode="json"),
            "published": {name: vars(found) for name, found in self.published.items()},
            "cells": [cost.as_record() for cost in self.costs],
            "notes": self.notes(),
        }
