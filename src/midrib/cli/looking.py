"""Verbs that look at data and prepare it: check, split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from midrib.cli.console import AsJson, ConsoleReporter, show
from midrib.cli.options import Embeddings, EmbeddingWeights, Fresh, Source, Strict


def check(
    source: Source,
    *,
    embeddings: Embeddings = None,
    weights: EmbeddingWeights = "auto",
    report: Annotated[
        Path | None, typer.Option(help="A folder for a page with the pictures, plots and JSON.")
    ] = None,
    fresh: Fresh = False,
    strict: Strict = False,
    json: AsJson = False,
) -> None:
    """Look for faults in pictures and labels. Told are bad files, copies, leaks and much else.

    Example: midrib data check my-photos/ --report health/
    """
    from midrib import pipeline

    result = pipeline.check(
        source,
        strict=strict,
        fresh=fresh,
        embeddings=embeddings,
        weights=weights,
        report=report,
        reporter=ConsoleReporter(),
    )
    show(result, as_json=json)


def split(
    source: Source,
    *,
    validation: Annotated[float, typer.Option(help="Share kept for choosing.")] = 0.15,
    test: Annotated[float, typer.Option(help="Share kept for the last score.")] = 0.15,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
    by: Annotated[
        Literal["draw", "time", "space"],
        typer.Option(help="A draw; or the oldest learn, the newest judge; or strips of tiles."),
    ] = "draw",
    groups: Annotated[
        str, typer.Option(help="What stays whole: 'exif:camera', 'exif:day' or (?P<group>…).")
    ] = "",
    times: Annotated[str, typer.Option(help="'exif', 'file' or (?P<time>…).")] = "exif",
    places: Annotated[str, typer.Option(help="Of tiles: (?P<x>…) and (?P<y>…).")] = "",
    gap: Annotated[int, typer.Option(help="Places of tiles dropped between two splits.")] = 1,
    keep_together: Annotated[
        bool, typer.Option(help="Whether near-copies count as one picture.")
    ] = True,
    anew: Annotated[
        bool, typer.Option("--anew", help="Forget how they were split before.")
    ] = False,
    output: Annotated[Path | None, typer.Option(help="Where to write the table of splits.")] = None,
    strict: Strict = False,
    json: AsJson = False,
) -> None:
    """Split pictures into train, validation and test. Copies and groups stay together.

    Example: midrib data split my-photos/ --test 0.2 --output splits.csv
    """
    from midrib import pipeline
    from midrib.datasets import SplitConfig

    config = SplitConfig(
        validation=validation,
        test=test,
        seed=seed,
        by=by,
        groups=groups,
        times=times,
        places=places,
        gap=gap,
        keep_together=keep_together,
    )
    result = pipeline.split(
        source, config=config, output=output, anew=anew, strict=strict, reporter=ConsoleReporter()
    )
    show(result, as_json=json)
