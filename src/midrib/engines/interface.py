"""What every inference engine promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from midrib.config import Config
from midrib.machine import usable_cores
from midrib.names import Registry
from midrib.records import Outputs, PixelBatch


class EngineOptions(Config):
    """How an engine uses the machine."""

    threads: int = Field(default_factory=usable_cores, gt=0)
    """Threads that one call may use."""


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
    def is_installed(cls) -> bool:
        """Whether the engine can be imported here."""
        return find_spec(cls.module) is not None


ENGINES: Registry[type[Engine]] = Registry("engine")


def available_engines() -> list[type[Engine]]:
    """The engines that are installed here, in the order of their names."""
    return [ENGINES.get(name) for name in ENGINES if ENGINES.get(name).is_installed()]
