"""Verbs that draw pictures to look at: show, sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from midrib.cli.console import AsJson, ConsoleReporter, show
from midrib.cli.options import Source, Strict

SplitName = Annotated[
    Literal["train", "validation", "test"] | None,
    typer.Option(help="Only pictures of this split.", show_default="all"),
]
Label = Annotated[
    str | None, typer.Option(help="Only pictures that show this class.", show_default="all")
]
Columns = Annotated[int, typer.Option(help="Pictures side by side.")]
Side = Annotated[int, typer.Option(help="Longer side of each picture, in pixels.")]
Output = Annotated[
    Path | None,
    typer.Option(help="A file to write, .html or .png.", show_default="a page in the home folder"),
]


def show_data(
    source: Source,
    *,
    split: SplitName = None,
    label: Label = None,
    count: Annotated[int, typer.Option(help="Pictures on the sheet, classes in turn.")] = 48,
    columns: Columns = 6,
    side: Side = 320,
    output: Output = None,
    strict: Strict = False,
    json: AsJson = False,
) -> None:
    """Draw pictures with labels, boxes, outlines and masks. Nothing is changed.

    Example: midrib data show my-photos/ --label good --output good.png
    """
    from midrib import pipeline

    result = pipeline.show_data(
        source,
        split=split,
        label=label,
        layout=pipeline.Layout(count=count, columns=columns, side=side, output=output),
        strict=strict,
        reporter=ConsoleReporter(),
    )
    show(result, as_json=json)


def sample_data(
    source: Source,
    *,
    worst: Annotated[
        bool, typer.Option("--worst", help="Those to look at first (default).")
    ] = False,
    random: Annotated[bool, typer.Option("--random", help="A draw instead.")] = False,
    split: SplitName = None,
    label: Label = None,
    count: Annotated[int, typer.Option(help="Pictures to choose.")] = 24,
    seed: Annotated[
        int | None, typer.Option(help="Of the draw; only with --random.", show_default="0")
    ] = None,
    columns: Columns = 6,
    side: Side = 320,
    output: Output = None,
    strict: Strict = False,
    json: AsJson = False,
) -> None:
    """Choose pictures to look at, and draw them. Each is told with why it was chosen.

    Example: midrib data sample my-photos/ --worst --count 12
    """
    from midrib import pipeline
    from midrib.errors import UsageError

    if worst and random:
        raise UsageError("both --worst and --random", expected="one of them", todo="choose one")
    if seed is not None and not random:
        raise UsageError("--seed without --random", expected="both", todo="add --random")
    result = pipeline.sample_data(
        source,
        way="random" if random else "worst",
        split=split,
        label=label,
        seed=seed or 0,
        layout=pipeline.Layout(count=count, columns=columns, side=side, output=output),
        strict=strict,
        reporter=ConsoleReporter(),
    )
    show(result, as_json=json)
