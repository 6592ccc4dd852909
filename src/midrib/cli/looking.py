"""Verbs that look at data and prepare it: check, split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from midrib.cli.console import AsJson, ConsoleReporter, show
from midrib.cli.options import Source, Strict


def check(source: Source, *, strict: Strict = False, json: AsJson = False) -> None:
    """Look at pictures and labels. Told are counts, bad files, copies, conflicts and leaks.

    Example: midrib data check my-photos/
    """
    from midrib import pipeline

    show(pipeline.check(source, strict=strict, reporter=ConsoleReporter()), as_json=json)


def split(
    source: Source,
    *,
    validation: Annotated[float, typer.Option(help="Share kept for choosing.")] = 0.15,
    test: Annotated[float, typer.Option(help="Share kept for the last score.")] = 0.15,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
    output: Annotated[Path | None, typer.Option(help="Where to write the table of splits.")] = None,
    strict: Strict = False,
    json: AsJson = False,
) -> None:
    """Split pictures into train, validation and test. Exact copies stay together.

    Example: midrib data split my-photos/ --test 0.2 --output splits.csv
    """
    from midrib import pipeline
    from midrib.datasets import SplitConfig

    config = SplitConfig(validation=validation, test=test, seed=seed)
    result = pipeline.split(
        source, config=config, output=output, strict=strict, reporter=ConsoleReporter()
    )
    show(result, as_json=json)
