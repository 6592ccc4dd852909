"""The comparison as one HTML page that needs nothing beside it."""

from __future__ import annotations

from pathlib import Path

from midrib.columns import number
from midrib.errors import MissingExtraError
from midrib.selection.comparison import Comparison
from midrib.selection.findings import findings
from midrib.selection.plots import inline_picture
from midrib.selection.records import Cost
from midrib.selection.table import COLUMNS, NAMES, Row, rows
from midrib.storage import write_text

_TEMPLATES = Path(__file__).parent / "templates"


def write_page(comparison: Comparison, path: Path) -> None:
    """Write the page to ``path``, whole or not at all.

    Raises:
        StorageError: the disk does not take it.
        MissingExtraError: Jinja or matplotlib is not installed.
    """
    write_text(path, render_page(comparison))


def render_page(comparison: Comparison) -> str:
    """The comparison as one HTML document: picture and style inside, no script, no address.

    Raises ``MissingExtraError`` when Jinja or matplotlib is not installed.
    """
    try:
        from midrib.evaluation.pages import page_template

        return page_template("comparison.html.jinja", _TEMPLATES).render(
            comparison=comparison,
            findings=findings(comparison),
            picture=inline_picture(comparison),
            names=NAMES,
            columns=COLUMNS,
            tables=_tables(comparison),
            places=_places(comparison),
            number=number,
        )
    except ModuleNotFoundError as missing:
        raise MissingExtraError(f"the page ({missing.name})", extra="lab") from None


def _tables(comparison: Comparison) -> dict[str, list[Row]]:
    """Rows by backbone, in the order of the comparison."""
    tables: dict[str, list[Row]] = {name: [] for name in comparison.backbones}
    for row in rows(comparison):
        tables[row.cost.cell.backbone].append(row)
    return tables


def _places(comparison: Comparison) -> dict[Cost, float]:
    """Each latency in per cent of the longest one of all, for its bar."""
    known = {cost: cost.median("p50_ms") or 0.0 for cost in comparison.costs}
    longest = max(known.values(), default=0.0)
    return {cost: round(100 * ms / longest, 2) if longest else 0.0 for cost, ms in known.items()}
