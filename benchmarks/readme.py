"""Writes the figures into README: ``python -m benchmarks.readme``.

They come from the files below ``docs/figures`` and from nowhere else; quick rounds are not quoted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness import format_number
from midrib.storage import write_text

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
FIGURES = ROOT / "docs" / "figures"
_BLOCK = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->)", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """One file of figures, what it is about and the command that makes it."""

    name: str
    title: str
    command: str


SOURCES = (
    Source("cells", "demo", "midrib demo cells --json > docs/figures/cells.json"),
    Source("trees", "tree crowns", "midrib demo trees --json > docs/figures/trees.json"),
    Source("nuclei", "nuclei", "midrib demo nuclei --json > docs/figures/nuclei.json"),
    Source("decode", "decoding", "python -m benchmarks.decode --json docs/figures/decode.json"),
    Source("serve", "serving", "python -m benchmarks.serve --json docs/figures/serve.json"),
    Source("health", "data check", "python -m benchmarks.health --json docs/figures/health.json"),
    Source("index", "index", "python -m benchmarks.index --json docs/figures/index.json"),
    Source("loading", "loading", "python -m benchmarks.loading --json docs/figures/loading.json"),
    Source(
        "finetune",
        "fine-tuning",
        "python -m benchmarks.finetune --seeds 1 --json docs/figures/finetune.json",
    ),
    Source("startup", "start-up", "python -m benchmarks.startup --json docs/figures/startup.json"),
)


def main() -> None:
    """Rewrite README's figures, if they have changed."""
    before = README.read_text(encoding="utf-8")
    after = with_figures(before, FIGURES)
    if after != before:
        write_text(README, after)


def with_figures(text: str, folder: Path) -> str:
    """``text`` with its marked place rewritten from the files in ``folder``."""
    return _BLOCK.sub(lambda found: f"{found[1]}{_figures(folder)}\n{found[2]}", text)


def _figures(folder: Path) -> str:
    measured = {source: _load(folder / f"{source.name}.json") for source in SOURCES}
    known = {source: record for source, record in measured.items() if record is not None}
    if not known:
        return (
            "Nothing has been measured yet; `python -m benchmarks.readme` writes the figures here."
        )
    rows = ["| | goal | measured | |", "|---|---|---|---|"]
    rows += [row for source, record in known.items() for row in _rows(source, record)]
    machines = "; ".join(dict.fromkeys(_origin(record) for record in known.values()))
    return "\n".join([*rows, "", f"Measured on {machines}. {_commands(list(known))}"])


def _load(file: Path) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return None if record.get("quick") else record


def _rows(source: Source, record: dict[str, Any]) -> Iterator[str]:
    for goal in record["goals"]:
        wanted = f"{goal['direction']} {format_number(goal['goal'])}"
        verdict = "met" if goal["met"] else "**not met**"
        figure = format_number(goal["figure"])
        yield f"| {source.title}: {goal['name']} | {wanted} | {figure} | {verdict} |"


def _origin(record: dict[str, Any]) -> str:
    return f"{record['machine']} ({record['date'][:10]})"


def _commands(sources: list[Source]) -> str:
    return (
        "Again: " + ", ".join(f"`{source.command.split(' --json')[0]}`" for source in sources) + "."
    )


if __name__ == "__main__":
    main()
