"""What every inference engine promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from midrib.config import Config
from midrib.errors import EngineError
from midrib.machine import usable_cores
from midrib.names import Registry
from midrib.records import Outputs, PixelBatch

Precision = Literal["fp32", "bf16", "fp16"]
"""The numbers that an engine computes a float file in."""

CPU = "cpu"


class EngineOptions(Config):
    """How an engine uses the machine."""

    threads: int = Field(default_factory=usable_cores, gt=0)
    """Threads that one call may use."""

    device: str = CPU
    """One of the engine's own devices, in lower case."""

    precision: Precision = "fp32"
    """What float files are computed in; anything but 'fp32' moves the answers."""


class Engine(ABC):
    """Runs one model file. Safe to call from several threads at once.

    Subclasses say how they are called (``name``) and what they need (``module``, ``extra``).
    """

    name: ClassVar[str]
    module: ClassVar[str]
    """The import that must be there."""

    extra: ClassVar[str]
    """The extra of midrib's distribution that brings it; empty when the base install does."""

    @abstractmethod
    def __init__(self, file: Path, options: EngineOptions) -> None:
        """Load ``file``. Raises ``EngineError`` when the engine cannot run it."""

    @abstractmethod
    def run(self, pictures: PixelBatch) -> Outputs:
        """Answer a batch: uint8, count × height × width × 3. Raises ``EngineError``."""

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """The engine's own version, as its makers count."""

    @classmethod
    @abstractmethod
    def devices(cls) -> list[str]:
        """What the engine can run on here, in lower case; 'cpu' is always among them."""

    @classmethod
    @abstractmethod
    def precisions(cls, device: str) -> list[Precision]:
        """What ``device`` really computes float files in, and not merely accepts."""

    @classmethod
    def is_installed(cls) -> bool:
        """Whether the engine can be imported here."""
        return find_spec(cls.module) is not None


ENGINES: Registry[type[Engine]] = Registry("engine")


def require_options(engine: type[Engine], options: EngineOptions) -> None:
    """Raise ``EngineError`` unless ``engine`` has the device and computes in the precision."""
    if options.device == CPU and options.precision == "fp32":
        return  # every engine has it, and asking takes time that a start-up need not spend
    if options.device not in engine.devices():
        raise EngineError(
            f"{engine.name} has no device '{options.device}' here",
            expected=f"one of: {', '.join(engine.devices())}",
            todo="choose one of them, or install the engine's build for that device",
        )
    known = engine.precisions(options.device)
    if options.precision not in known:
        raise EngineError(
            f"{engine.name} does not compute in {options.precision} on this {options.device}",
            expected=f"one of: {', '.join(known)}",
            todo="choose one of them",
        )


def available_engines() -> list[type[Engine]]:
    """The engines that are installed here, in the order of their names."""
    return [ENGINES.get(name) for name in ENGINES if ENGINES.get(name).is_installed()]
