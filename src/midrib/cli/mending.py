"""Verbs that mend data: fix, quarantine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from midrib.cli.console import AsJson, ConsoleReporter, show
from midrib.cli.options import Embeddings, EmbeddingWeights, Source

Kinds = Annotated[
    list[str] | None,
    typer.Option("--kind", help="A kind of fault that 'check' has told; may be given again."),
]
To = Annotated[
    Path | None,
    typer.Option(help="Where the journal is, outside of the pictures; else a folder beside them."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")]
Restore = Annotated[bool, typer.Option("--restore", help="Put back what was moved or renamed.")]


def fix(
    source: Source,
    *,
    kind: Kinds = None,
    to: To = None,
    dry_run: DryRun = False,
    restore: Restore = False,
    json: AsJson = False,
) -> None:
    """Mend what needs no pixel changed. Files are renamed, and can be named back.

    Example: midrib data fix my-photos/ --kind wrong-extension
    """
    from midrib import pipeline

    result = pipeline.fix(
        source,
        kinds=kind or (),
        to=to,
        dry_run=dry_run,
        restore=restore,
        reporter=ConsoleReporter(),
    )
    show(result, as_json=json)


def quarantine(
    source: Source,
    *,
    kind: Kinds = None,
    to: To = None,
    dry_run: DryRun = False,
    restore: Restore = False,
    embeddings: Embeddings = None,
    weights: EmbeddingWeights = "auto",
    json: AsJson = False,
) -> None:
    """Move faulty pictures out of the way. Nothing is deleted, everything can be put back.

    Example: midrib data quarantine my-photos/ --kind blurred --dry-run
    """
    from midrib import pipeline

    result = pipeline.quarantine(
        source,
        kinds=kind or (),
        to=to,
        dry_run=dry_run,
        restore=restore,
        embeddings=embeddings,
        weights=weights,
        reporter=ConsoleReporter(),
    )
    show(result, as_json=json)
