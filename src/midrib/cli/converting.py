"""The verb that writes data in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from midrib.cli.console import AsJson, ConsoleReporter, show
from midrib.cli.options import Source, Strict


def convert(
    source: Source,
    target: Annotated[Path, typer.Argument(help="A new folder.", show_default=False)],
    *,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="To write: class-folders, coco, csv, cvat, imagefolder, instance-masks, jsonl, "
            "labelme, masks, split-folders, voc or yolo.",
        ),
    ],
    read_as: Annotated[
        str | None, typer.Option("--from", help="To read as, instead of what it looks like.")
    ] = None,
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy pictures instead of linking to them.")
    ] = False,
    strict: Strict = False,
    json: AsJson = False,
) -> None:
    """Write pictures and labels in another format. What it cannot hold is told.

    Example: midrib data convert my-photos/ my-coco/ --format coco
    """
    from midrib import pipeline

    result = pipeline.convert(
        source,
        target,
        form=form,
        read_as=read_as,
        pictures="copy" if copy else "link",
        strict=strict,
        reporter=ConsoleReporter(),
    )
    show(result, as_json=json)
