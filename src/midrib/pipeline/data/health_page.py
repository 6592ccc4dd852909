"""A health report as a folder: one HTML page with the pictures in it, plots, and JSON."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from midrib.datasets import HealthReport
from midrib.datasets.health import CHECKS, Check, Finding, Remedy
from midrib.errors import MissingExtraError
from midrib.pipeline.data.health_pictures import MOST_FINDINGS, Thumbnail, thumbnails
from midrib.storage import write_json, write_text

PAGE, RECORD, PLOTS = "health.html", "health.json", "plots"
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Section:
    """One kind of fault on the page. ``commands`` are what to type, each with what it does."""

    check: Check
    count: int
    shown: list[tuple[Finding, list[Thumbnail]]]
    commands: list[tuple[str, str]]


def write_report(
    health: HealthReport, folder: Path, *, source: str, embeddings: str | None
) -> Path:
    """Write page, plots and JSON into ``folder``; other files there are left alone.

    Args:
        health: what was found.
        folder: is made if it is not there.
        source: what the user called the pictures, for the commands on the page.
        embeddings: the backbone that compared them, if any.

    Returns:
        The page.

    Raises:
        StorageError: the disk does not take it.
        MissingExtraError: Jinja or matplotlib is not installed.
    """
    try:
        from midrib.evaluation.pages import page_template
        from midrib.pipeline.data.health_plots import plots

        drawn = list(plots(health))
        page = page_template("health.html.jinja", _TEMPLATES).render(
            health=health,
            sections=list(_sections(health, source, embeddings)),
            looked_for=_looked_for(embeddings),
            plots=[(plot.title, plot.svg()) for plot in drawn],
            embeddings=embeddings,
            most=MOST_FINDINGS,
        )
        for plot in drawn:
            plot.write(folder / PLOTS)
    except ModuleNotFoundError as missing:
        raise MissingExtraError(f"the page ({missing.name})", extra="lab") from None
    write_json(folder / RECORD, health.as_record())
    write_text(folder / PAGE, page)
    return folder / PAGE


def _looked_for(embeddings: str | None) -> list[Check]:
    """The checks that were run, the gravest first."""
    every = [CHECKS.get(name) for name in CHECKS]
    run = [check for check in every if embeddings or not check.needs_embeddings]
    return sorted(run, key=lambda check: (-check.gravity, check.name))


def _sections(health: HealthReport, source: str, embeddings: str | None) -> Iterator[Section]:
    items = {item.path: item for item in health.dataset.items}
    for name, findings in health.findings.items():
        shown = [(each, thumbnails(each, items)) for each in findings[:MOST_FINDINGS]]
        yield Section(
            check=CHECKS.get(name),
            count=len(findings),
            shown=shown,
            commands=list(_commands(CHECKS.get(name), source, embeddings)),
        )


def _commands(check: Check, source: str, embeddings: str | None) -> Iterator[tuple[str, str]]:
    """What to type, and what it does."""
    if check.remedy is Remedy.NONE:
        return
    if check.remedy is Remedy.FIX:
        words = ["midrib", "data", "fix", source, "--kind", check.name]
        yield "Rename them where they are:", shlex.join(words)
    words = ["midrib", "data", "quarantine", source, "--kind", check.name]
    if check.needs_embeddings and embeddings:
        words += ["--embeddings", embeddings]
    yield "Move them out of the source:", shlex.join(words)
    put_back = ["midrib", "data", "quarantine", source, "--kind", check.name, "--restore"]
    yield "Put them back:", shlex.join(put_back)
