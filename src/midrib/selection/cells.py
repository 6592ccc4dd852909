"""What is measured: one backbone in one engine at one precision."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass

from midrib.engines import CPU, ENGINES, Precision
from midrib.errors import UsageError
from midrib.selection.config import EAGER, CostConfig, CostPrecision

INT8 = "int8"


@dataclass(frozen=True)
class Cell:
    """One backbone in one engine at one precision."""

    backbone: str
    engine: str
    precision: CostPrecision

    @property
    def variant(self) -> str | None:
        """The file that is run, by its name without '.onnx'; None where there is no file."""
        if self.engine == EAGER:
            return None
        return INT8 if self.precision == INT8 else "fp32"

    @property
    def computed_in(self) -> Precision:
        """What the engine computes in wherever the file says float."""
        return "fp32" if self.precision == "int8" else self.precision

    def __str__(self) -> str:
        return f"{self.backbone} {self.engine} {self.precision}"


def cells_of(backbones: Iterable[str], config: CostConfig) -> list[Cell]:
    """Every cell that ``config`` asks for; eager torch is measured in fp32 alone."""
    return [
        Cell(backbone, engine, precision)
        for backbone in backbones
        for engine in config.engines
        for precision in config.precisions
        if engine != EAGER or precision == "fp32"
    ]


def hindrance(cell: Cell, config: CostConfig) -> str:
    """Why no backbone can be measured in this way here; empty when nothing is known against it."""
    device = config.device
    if cell.engine == EAGER:
        known = device == CPU or device in eager_devices()
        return "" if known else f"torch has no device '{device}' here"
    engine = ENGINES.get(cell.engine)
    if not engine.is_installed():
        return f"not installed: pip install 'midrib[{engine.extra}]'"
    if device != CPU and device not in engine.devices():
        return f"{cell.engine} has no device '{device}' here"
    able = engine.precisions(device)
    if cell.computed_in not in able:
        return f"not on this {device.upper()}: {cell.engine} computes in {', '.join(able)} on it"
    return ""


def eager_devices() -> list[str]:
    """What the installed torch can run on here, in lower case."""
    if importlib.util.find_spec("torch") is None:
        return []
    import torch

    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return ["cpu"] if accelerator is None else ["cpu", accelerator.type]


def require_cells(config: CostConfig) -> None:
    """Raise ``UsageError`` unless there is something to measure on a device that is here."""
    if not cells_of([""], config):
        raise UsageError(
            f"{EAGER} is not measured at {' or '.join(config.precisions)}",
            expected=f"fp32 in {EAGER}, or another engine at {' or '.join(config.precisions)}",
            todo="add an engine or a precision, or leave one of the two out",
        )
    _require_device(config)


def _require_device(config: CostConfig) -> None:
    """Raise ``UsageError`` unless one of the engines that were asked for has the device."""
    if config.device == CPU:
        return
    found = {name: _devices(name) for name in config.engines}
    if any(config.device in devices for devices in found.values()):
        return
    shown = "; ".join(
        f"{name} has {', '.join(devices) or 'none'}" for name, devices in found.items()
    )
    raise UsageError(
        f"no engine here runs on '{config.device}'",
        expected=f"a device of an engine: {shown}",
        todo="choose one of them, or install the engine's build for that device",
    )


def _devices(engine: str) -> list[str]:
    if engine == EAGER:
        return eager_devices()
    known = ENGINES.get(engine)
    return known.devices() if known.is_installed() else []
