"""Demonstrations: the whole path on real pictures that anyone can get."""

from collections.abc import Callable
from typing import Protocol

from midrib.demos.cells import run_cells
from midrib.demos.nuclei import run_nuclei
from midrib.demos.trees import run_trees
from midrib.names import Registry
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings

__all__ = ["DemoResult", "run", "run_cells", "run_nuclei", "run_trees"]


class DemoResult(Protocol):
    """What a demonstration measured and where everything lies."""

    def as_record(self) -> dict[str, object]:
        """JSON-ready: figures, goals beside them, seconds of each stage."""

    def lines(self) -> list[str]:
        """For people."""


Demo = Callable[[Settings, Reporter], DemoResult]

DEMOS: Registry[Demo] = Registry("demo")
DEMOS.register("cells")(run_cells)
DEMOS.register("trees")(run_trees)
DEMOS.register("nuclei")(run_nuclei)


def run(which: str, *, settings: Settings | None = None, reporter: Reporter = SILENT) -> DemoResult:
    """Run the demonstration called ``which``. Raises ``UnknownNameError``."""
    return DEMOS.get(which)(settings or Settings(), reporter)
