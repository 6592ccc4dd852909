"""Verbs about versions: publish, models, release, rollback."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from midrib.cli.console import AsJson, show

Name = Annotated[str, typer.Argument(help="A published name.", show_default=False)]


def publish(
    package: Annotated[Path, typer.Argument(help="A model package.", show_default=False)],
    *,
    name: Annotated[
        str | None, typer.Option(help="Name to publish under.", show_default="the package's")
    ] = None,
    release: Annotated[
        bool, typer.Option("--release", help="Make it the live version at once.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Give a package the next version of its name. The first version goes live at once.

    Example: midrib publish my-package --release
    """
    from midrib import pipeline

    show(pipeline.publish(package, name=name, release_now=release), as_json=json)


def models(*, json: AsJson = False) -> None:
    """List published models, their versions and which is live.

    Example: midrib models
    """
    from midrib import pipeline

    show(pipeline.models(), as_json=json)


def release(
    name: Name,
    *,
    version: Annotated[int, typer.Option(help="The version to go live.", show_default=False)],
    json: AsJson = False,
) -> None:
    """Switch a name to a version. Running servers follow within two seconds.

    Example: midrib release my-photos --version 2
    """
    from midrib import pipeline

    show(pipeline.release(name, version), as_json=json)


def rollback(name: Name, *, json: AsJson = False) -> None:
    """Switch a name back to the version that was live before.

    Example: midrib rollback my-photos
    """
    from midrib import pipeline

    show(pipeline.rollback(name), as_json=json)
