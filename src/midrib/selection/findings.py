"""What a comparison shows, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from midrib.columns import number
from midrib.selection.cells import INT8
from midrib.selection.comparison import Comparison
from midrib.selection.records import Cost

_SLOWER = 1.05
"""Times as long before a difference is told: less may be chance."""

_MOST_NAMED = 4


def findings(comparison: Comparison) -> list[str]:
    """The fastest cell, and where int8 does not pay; empty when nothing was measured."""
    measured = [cost for cost in comparison.costs if cost.findings.rounds]
    if not measured:
        return []
    fastest = min(measured, key=_latency)
    cell = fastest.cell
    told = [
        f"The fastest here is {cell.backbone} in {cell.engine} at {cell.precision}: "
        f"{number(_latency(fastest))} ms a picture."
    ]
    slowed = _slowed_by_int8(measured)
    if slowed:
        told.append(f"int8 is slower than fp32 for {'; '.join(slowed)}.")
    return told


def _slowed_by_int8(measured: Sequence[Cost]) -> list[str]:
    """Backbones and engines in which the int8 file takes longer than the float file."""
    floats = {
        (cost.cell.backbone, cost.cell.engine): _latency(cost)
        for cost in measured
        if cost.cell.precision == "fp32"
    }
    pairs = [
        (cost, floats[key])
        for cost in measured
        if cost.cell.precision == INT8 and (key := (cost.cell.backbone, cost.cell.engine)) in floats
    ]
    slower = [
        f"{cost.cell.backbone} in {cost.cell.engine} "
        f"({number(_latency(cost))} against {number(before)} ms)"
        for cost, before in pairs
        if _latency(cost) > _SLOWER * before
    ]
    rest = len(slower) - _MOST_NAMED
    return slower if rest <= 0 else [*slower[:_MOST_NAMED], f"and {rest} more"]


def _latency(cost: Cost) -> float:
    latency = cost.median("p50_ms")
    if latency is None:
        raise AssertionError("only what was measured is compared")
    return latency
