"""Demonstrations: the whole path on real pictures that anyone can get."""

from collections.abc import Callable

from midrib.demos.cells import DemoResult, run_cells
from midrib.names import Registry
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings

__all__ = ["DemoResult", "run", "run_cells"]

Demo = Callable[[Settings, Reporter], DemoResult]

DEMOS: Registry[Demo] = Registry("demo")
DEMOS.register("cells")(run_cells)


def run(which: str, *, settings: Settings | None = None, reporter: Reporter = SILENT) -> DemoResult:
    """Run the demonstration called ``which``. Raises ``UnknownNameError``."""
    return DEMOS.get(which)(settings or Settings(), reporter)
