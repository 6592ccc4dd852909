"""Compare backbones by what they cost on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from midrib.config import fingerprint
from midrib.extras import require_extra
from midrib.reporting import SILENT, Reporter
from midrib.selection import (
    Comparison,
    CostConfig,
    candidates,
    measure_costs,
    published_top1,
    require_cells,
)
from midrib.selection.findings import findings
from midrib.selection.page import write_page
from midrib.selection.plots import write_picture
from midrib.selection.table import lines
from midrib.settings import Settings
from midrib.storage import write_json

_NAME_DIGITS = 12


@dataclass(frozen=True)
class ComparedBackbones:
    """A comparison and where it was written: ``comparison.html``, ``.png`` and ``.json``."""

    comparison: Comparison
    folder: Path

    @property
    def page(self) -> Path:
        return self.folder / "comparison.html"

    @property
    def picture(self) -> Path:
        return self.folder / "comparison.png"

    def as_record(self) -> dict[str, object]:
        places = {"page": str(self.page), "picture": str(self.picture)}
        return {**self.comparison.as_record(), **places}

    def lines(self) -> list[str]:
        return [
            *lines(self.comparison),
            "",
            *findings(self.comparison),
            f"picture    {self.picture}",
            f"page       {self.page}",
        ]


def compare_backbones(
    backbones: Sequence[str],
    *,
    config: CostConfig | None = None,
    output: str | Path | None = None,
    fresh: bool = False,
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> ComparedBackbones:
    """Measure backbones on this machine, in every engine and precision, and draw the picture.

    Nothing is downloaded: backbones start at random, which does not change what they cost. What
    was measured like this before is recalled, and an interrupted call goes on where it stopped.

    Args:
        backbones: their names.
        config: what is measured, and for how long.
        output: the folder of page and picture; None is one of the home's.
        fresh: measure again what is known; once that was interrupted, a call without it goes on.
        settings: where everything is kept.
        reporter: is told how far it is.

    Raises:
        UnknownNameError: no backbone or engine has that name; nothing was measured.
        UsageError: nothing can be measured like that, no engine has the device, or costs are being
            measured here already.
        MissingExtraError: the lab is not installed.
        StorageError: the results cannot be written.
    """
    require_extra("comparing backbones", "lab")
    settings, config = settings or Settings(), config or CostConfig()
    names = candidates(backbones)
    require_cells(config)
    with reporter.bar("compare") as advance:
        costs = measure_costs(names, config, settings.costs, fresh=fresh, progress=advance)
    published = {name: found for name in names if (found := published_top1(name)) is not None}
    asked = fingerprint([names, config.model_dump(mode="json")])
    folder = Path(output) if output else settings.comparisons / asked[:_NAME_DIGITS]
    compared = ComparedBackbones(Comparison(costs, published, config), folder)
    write_json(folder / "comparison.json", compared.as_record())
    write_picture(compared.comparison, compared.picture)
    write_page(compared.comparison, compared.page)
    return compared
