"""Figures in words, and rows of words in columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence

UNKNOWN = "—"
_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def aligned(
    rows: Sequence[Sequence[str]], *, left: Collection[int], remarks: Sequence[str] = ()
) -> list[str]:
    """One line a row, columns padded; those whose place is in ``left`` to the left.

    A row may be shorter than others. ``remarks``, where there are any, are one a row: what stands
    after its words, in no column.
    """
    widths = [
        max(len(row[place]) for row in rows if place < len(row))
        for place in range(max(map(len, rows), default=0))
    ]
    padded = [
        [
            word.ljust(width) if place in left else word.rjust(width)
            for place, (word, width) in enumerate(zip(row, widths, strict=False))
        ]
        for row in rows
    ]
    remarks = remarks or [""] * len(rows)
    return [
        "  ".join([*words, remark]).rstrip() for words, remark in zip(padded, remarks, strict=True)
    ]


def short(count: int) -> str:
    """A count in three digits: 25.6 M, 4.09 G."""
    for factor, prefix in _PREFIXES:
        # 999,500 is 1.00 M: what rounds up to a thousand takes the next prefix.
        if count >= factor * 0.9995:
            return f"{_three_digits(count / factor)} {prefix}"
    return str(count)


def number(value: float | None) -> str:
    """Three significant digits, thousands with separators; a dash for what is not known."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _three_digits(value: float) -> str:
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{decimals}f}"
