"""What to measure of a backbone, and for how long."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator

from midrib.config import Config
from midrib.engines import CPU, ENGINES
from midrib.machine import usable_cores
from midrib.names import unknown_name
from midrib.preprocessing import LARGEST_SIDE

EAGER = "torch"
"""The model itself, without a file: what a notebook runs, for orientation."""

CostPrecision = Literal["fp32", "int8", "bf16", "fp16"]
"""'int8' is a file of its own, the others are what an engine computes the float file in."""

_NAMES = get_args(CostPrecision)


def all_engines() -> tuple[str, ...]:
    """What can be asked for: every inference engine, and eager torch last."""
    return (*ENGINES, EAGER)


class CostConfig(Config):
    """What the costs of a backbone depend on, and how they are measured."""

    engines: tuple[str, ...] = Field(default_factory=all_engines, min_length=1)
    """Inference engines; 'torch' is the eager model, for orientation."""

    precisions: tuple[CostPrecision, ...] = Field(default=_NAMES, min_length=1)
    """'int8' is quantized for its cost alone: nobody looks at its answers."""

    device: str = CPU
    """What the engines run on, by the name that they have for it."""

    size: int | None = Field(default=None, ge=8, le=LARGEST_SIDE)
    """Height and width of the pictures, in pixels; None is each backbone's native size."""

    batch: int = Field(default=8, ge=1, le=1024)
    """Pictures a call where throughput is measured; latency is that of one."""

    threads: int = Field(default_factory=usable_cores, ge=1, le=1024)
    """Threads that one call may use."""

    seconds: float = Field(default=2.0, gt=0, le=600)
    """How long latency is measured in a round, and throughput again as long."""

    rounds: int = Field(default=3, ge=1, le=100)
    """Fresh processes that measure each cell, taking turns with those of the other cells."""

    @field_validator("engines", "precisions", mode="before")
    @classmethod
    def _known_names_once(cls, names: Any, about: ValidationInfo) -> Any:
        kind = "engine" if about.field_name == "engines" else "precision"
        known = all_engines() if kind == "engine" else _NAMES
        for name in names:
            if name not in known:
                raise unknown_name(kind, name, known)
        return tuple(dict.fromkeys(names))
