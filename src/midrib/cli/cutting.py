"""The verb that cuts pictures: tile."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from midrib.cli.console import AsJson, ConsoleReporter, show
from midrib.cli.options import Source, Strict


def tile(
    source: Source,
    target: Annotated[Path, typer.Argument(help="A new folder for the tiles.", show_default=False)],
    *,
    size: Annotated[int, typer.Option(help="Height and width of a tile, in pixels.")] = 256,
    overlap: Annotated[int, typer.Option(help="Pixels that neighbours share at least.")] = 32,
    least_visible: Annotated[
        float, typer.Option(help="Share of an object that a tile must see for it to count.")
    ] = 0.25,
    format: Annotated[  # noqa: A002 - what the option is called
        str | None,
        typer.Option(help="Of the tiles.", show_default="the first that loses nothing"),
    ] = None,
    strict: Strict = False,
    json: AsJson = False,
) -> None:
    """Cut big pictures into overlapping tiles. Labels, boxes, outlines and masks go along.

    Example: midrib data tile fields/ field-tiles/ --size 256 --overlap 32
    """
    from midrib import pipeline
    from midrib.datasets.tiles import TileConfig

    result = pipeline.tile(
        source,
        target,
        config=TileConfig(size=size, overlap=overlap, least_visible=least_visible),
        format=format,
        strict=strict,
        reporter=ConsoleReporter(),
    )
    show(result, as_json=json)
