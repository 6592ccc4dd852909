"""What backbones cost on this machine, measured on the file that would be served."""

from midrib.selection.candidates import candidates
from midrib.selection.cells import Cell, require_cells
from midrib.selection.comparison import Comparison
from midrib.selection.config import CostConfig
from midrib.selection.costs import measure_costs
from midrib.selection.published import Published, published_top1
from midrib.selection.records import Cost, Facts, Findings, Round, Spread

__all__ = [
    "Cell",
    "Comparison",
    "Cost",
    "CostConfig",
    "Facts",
    "Findings",
    "Published",
    "Round",
    "Spread",
    "candidates",
    "measure_costs",
    "published_top1",
    "require_cells",
]
