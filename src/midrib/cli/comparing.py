"""Verbs that choose between backbones: compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from midrib.cli.console import AsJson, ConsoleReporter, show
from midrib.errors import InterruptedByUser


def compare(
    backbones: Annotated[list[str], typer.Argument(help="Their names.", show_default=False)],
    *,
    device: Annotated[str | None, typer.Option(help="What the engines run on.")] = None,
    engine: Annotated[
        list[str] | None,
        typer.Option(help="onnxruntime, openvino or torch; may be repeated.", show_default="all"),
    ] = None,
    precision: Annotated[
        list[str] | None,
        typer.Option(help="fp32, int8, bf16 or fp16; may be repeated.", show_default="all"),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(help="Height and width of the pictures.", show_default="each one's native"),
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures a call, for throughput.")] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads a call.", show_default="all usable cores")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Of measuring, each round.")] = None,
    rounds: Annotated[int | None, typer.Option(help="Fresh processes for each cell.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of page and picture.", show_default="in the home")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure again what is known.")] = False,
    json: AsJson = False,
) -> None:
    """Measure what backbones cost on this machine. An equal call goes on where it stopped.

    Example: midrib backbones compare mobilenet-v2 resnet50 --device cpu
    """
    from midrib import pipeline
    from midrib.selection import CostConfig

    given = {
        "device": device,
        "engines": engine,
        "precisions": precision,
        "size": size,
        "batch": batch,
        "threads": threads,
        "seconds": seconds,
        "rounds": rounds,
    }
    try:
        result = pipeline.compare_backbones(
            backbones,
            config=CostConfig.resolve(None, [], given),
            output=output,
            fresh=fresh,
            reporter=ConsoleReporter(),
        )
    except KeyboardInterrupt:
        if not fresh:
            raise
        raise InterruptedByUser(
            "stopped", todo="what is finished is kept; the same command without --fresh goes on"
        ) from None
    show(result, as_json=json)
