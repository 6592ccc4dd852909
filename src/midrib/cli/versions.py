"""Verbs about versions of data: index, versions, diff."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from midrib.cli.console import AsJson, ConsoleReporter, show
from midrib.cli.options import Fresh, Source, Strict

_EXAMPLES = 3
_Side = Annotated[
    str,
    typer.Argument(
        help="A source, an index, a version (its first digits), a run or a model.",
        show_default=False,
    ),
]


def index(
    source: Source,
    *,
    output: Annotated[
        Path | None, typer.Option(help="A folder of the index's own, beside or away from them.")
    ] = None,
    fresh: Fresh = False,
    strict: Strict = False,
    json: AsJson = False,
) -> None:
    """Write an index of pictures: one row each, with content hash, labels, boxes and masks.

    Example: midrib data index my-photos/ --output my-index
    """
    from midrib import pipeline

    result = pipeline.index_data(
        source, output=output, strict=strict, fresh=fresh, reporter=ConsoleReporter()
    )
    show(result, as_json=json)


def versions(
    source: Annotated[str | None, typer.Argument(help="Of this source alone.")] = None,
    *,
    json: AsJson = False,
) -> None:
    """List the versions of data that are kept, and the runs that learnt from them.

    Example: midrib data versions my-photos/
    """
    from midrib import pipeline

    show(pipeline.data_versions(source), as_json=json)


def diff(before: _Side, after: _Side, *, json: AsJson = False) -> None:
    """Tell what changed between two versions of data. --json lists every change.

    Example: midrib data diff 3f9a my-photos/
    """
    from midrib import pipeline

    most = None if json else _EXAMPLES
    result = pipeline.diff_data(before, after, most=most, reporter=ConsoleReporter())
    show(result, as_json=json)
