"""Verbs that run a model and look after it: serve, predict, monitor, package, demo, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from midrib.cli.console import AsJson, ConsoleReporter, show
from midrib.cli.options import Overlap, Tile, tiling_of

Target = Annotated[
    str, typer.Argument(help="A published name, NAME@VERSION, or a package's folder.")
]
EngineName = Annotated[str, typer.Option(help="auto, onnxruntime or openvino.")]


def package_show(
    path: Annotated[Path, typer.Argument(help="A model package.")], *, json: AsJson = False
) -> None:
    """Show the card of a model package.

    Example: midrib package show my-package
    """
    from midrib import pipeline

    show(pipeline.show_package(path), as_json=json)


def package_verify(
    path: Annotated[Path, typer.Argument(help="A model package.")],
    *,
    engine: EngineName = "auto",
    json: AsJson = False,
) -> None:
    """Check every file's hash and ask the model its samples again.

    Example: midrib package verify my-package
    """
    from midrib import pipeline

    show(pipeline.verify(path, engine=engine), as_json=json)


def serve(
    targets: Annotated[list[str], typer.Argument(help="Published names or packages' folders.")],
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8080,
    engine: EngineName = "auto",
) -> None:
    """Serve models over HTTP until SIGTERM or Ctrl-C, then drain.

    Example: midrib serve my-photos --port 8080

    Then: curl --data-binary @photo.jpg http://127.0.0.1:8080/v1/models/my-photos:predict
    """
    from midrib import pipeline

    pipeline.serve(targets, host=host, port=port, engine=engine)


def predict(
    target: Target,
    pictures: Annotated[list[Path], typer.Argument(help="Picture files or folders of them.")],
    *,
    engine: EngineName = "auto",
    tile: Tile = None,
    overlap: Overlap = None,
    draw: Annotated[
        Path | None,
        typer.Option(help="Draw what is found, objects or masks: a picture's name, or a folder."),
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(help="A folder for PNG files of numbers: of pixels' classes, or objects."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Ask a model about pictures, without a server.

    Example: midrib predict my-photos new/*.jpg
    """
    from midrib import pipeline

    result = pipeline.predict(
        target,
        pictures,
        engine=engine,
        tiles=tiling_of(tile, overlap),
        draw=draw,
        masks=masks,
        reporter=ConsoleReporter(),
    )
    show(result, as_json=json)


def monitor(
    name: Annotated[str, typer.Argument(help="A published name.")],
    *,
    hours: Annotated[float, typer.Option(help="How far to look back.", min=0.0)] = 24.0,
    json: AsJson = False,
) -> None:
    """Watch a served model: traffic, latency, classes and drift.

    Example: midrib monitor my-photos --hours 1
    """
    from midrib import pipeline

    show(pipeline.monitor(name, hours=hours), as_json=json)


def demo(
    which: Annotated[
        Literal["cells", "trees", "nuclei"], typer.Argument(help="Which demonstration.")
    ] = "cells",
    *,
    json: AsJson = False,
) -> None:
    """Go the whole path on real pictures: solar cells, trees, nuclei.

    Example: midrib demo trees --json
    """
    from midrib import demos

    show(demos.run(which, reporter=ConsoleReporter()), as_json=json)


def doctor(*, json: AsJson = False) -> None:
    """Tell what is installed, and what to do about what is missing.

    Example: midrib doctor
    """
    from midrib import pipeline

    show(pipeline.doctor(), as_json=json)
