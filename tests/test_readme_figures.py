from __future__ import annotations

import json
from pathlib import Path

from benchmarks.readme import with_figures

PAGE = "before\n<!-- figures -->\nold\n<!-- /figures -->\nafter\n"
GOAL = {"name": "pictures/s", "goal": 5.0, "direction": "at least", "figure": 6.512, "met": True}
RECORD = {"name": "decode", "quick": False, "date": "2026-01-02T03:04:05+00:00", "machine": "M"}


def test_without_files_it_says_so(tmp_path: Path) -> None:
    """Nothing measured is said in words, and only the marked place changes."""
    page = with_figures(PAGE, tmp_path)
    assert page.startswith("before\n<!-- figures -->\nNothing has been measured")
    assert page.endswith("<!-- /figures -->\nafter\n")


def test_goals_stand_beside_figures(tmp_path: Path) -> None:
    """Each goal is a row with its figure, and one that is not met is not hidden."""
    missed = {**GOAL, "name": "seconds", "direction": "at most", "met": False}
    (tmp_path / "decode.json").write_text(json.dumps({**RECORD, "goals": [GOAL, missed]}))
    page = with_figures(PAGE, tmp_path)
    assert "| decoding: pictures/s | at least 5 | 6.51 | met |" in page
    assert "| decoding: seconds | at most 5 | 6.51 | **not met** |" in page
    assert "Measured on M (2026-01-02)" in page
    assert with_figures(page, tmp_path) == page


def test_quick_rounds_are_not_quoted(tmp_path: Path) -> None:
    """Figures of a smoke test never reach README."""
    (tmp_path / "decode.json").write_text(json.dumps({**RECORD, "quick": True, "goals": [GOAL]}))
    assert "Nothing has been measured" in with_figures(PAGE, tmp_path)
