"""Verbs that choose between backbones by what is known of them: the list, and show."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from midrib.cli.console import AsJson, ConsoleReporter, show
from midrib.errors import UsageError

_COUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([kMG]?)", re.IGNORECASE)
_FACTORS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}


def count(text: str) -> int:
    """'10M' as 10,000,000; k, M and G are thousands, millions and thousands of millions."""
    found = _COUNT.fullmatch(text.strip())
    if found is None:
        raise UsageError(
            f"'{text}' is no count", expected="a number as 800k, 10M or 1.5G", todo="write it so"
        )
    return round(float(found[1]) * _FACTORS[found[2].upper()])


def _counted(help_text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(parser=count, metavar="COUNT", help=help_text)
    return option


def backbones(
    context: typer.Context,
    *,
    like: Annotated[
        str | None,
        typer.Option(help="A part of the name, or a pattern as 'resnet*' or 'timm:*mobile*'."),
    ] = None,
    family: Annotated[str | None, typer.Option(help="As the list names it.")] = None,
    task: Annotated[str | None, typer.Option(help="Taken by an algorithm for that task.")] = None,
    algorithm: Annotated[str | None, typer.Option(help="Taken by that algorithm.")] = None,
    framework: Annotated[
        str | None, typer.Option(help="Trained by it: pytorch, tensorflow or tao.")
    ] = None,
    min_parameters: Annotated[int | None, _counted("At least so many, as 800k or 4M.")] = None,
    max_parameters: Annotated[int | None, _counted("At most so many.")] = None,
    min_multiply_adds: Annotated[int | None, _counted("At least so many, as 500M.")] = None,
    max_multiply_adds: Annotated[int | None, _counted("At most so many.")] = None,
    has_weights: Annotated[
        bool, typer.Option("--has-weights", help="Somebody has weights for it.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Choose what sees. Without a command: a list of backbones, of all or of those described.

    For example:

    midrib backbones --max-parameters 10M --has-weights

    midrib backbones --like 'timm:*mobile*'
    """
    given = {
        "like": like,
        "family": family,
        "task": task,
        "algorithm": algorithm,
        "framework": framework,
        "min_parameters": min_parameters,
        "max_parameters": max_parameters,
        "min_multiply_adds": min_multiply_adds,
        "max_multiply_adds": max_multiply_adds,
        "has_weights": has_weights or None,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    if context.invoked_subcommand is not None:
        _require_none([*chosen, *(["json"] if json else [])], context.invoked_subcommand)
        return
    from midrib import pipeline
    from midrib.pipeline.backbone_list import BackboneFilter

    found = pipeline.list_backbones(BackboneFilter(**chosen), reporter=ConsoleReporter())
    show(found, as_json=json)


def show_backbone(
    name: Annotated[
        str,
        typer.Argument(help="A name of the list, 'timm:' or 'torchvision:' and any of theirs."),
    ],
    *,
    size: Annotated[
        int | None,
        typer.Option(help="Height and width of the picture.", min=1, show_default="native"),
    ] = None,
    json: AsJson = False,
) -> None:
    """Draw the stages of a backbone. Told is also what it gives, takes and who has weights.

    Example: midrib backbones show mobilenet-v2
    """
    from midrib import pipeline

    show(pipeline.show_backbone(name, size=size), as_json=json)


def _require_none(options: list[str], verb: str) -> None:
    """No option is ever ignored."""
    if options:
        written = ", ".join(f"--{name.replace('_', '-')}" for name in options)
        raise UsageError(
            f"{written} before '{verb}'",
            expected=f"options of {verb} after it",
            todo=f"see midrib backbones {verb} --help",
        )
