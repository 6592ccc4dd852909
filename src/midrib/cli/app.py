"""The verbs in the order of the path from pictures to a watched service."""

from __future__ import annotations

import functools
from collections.abc import Callable
from inspect import cleandoc
from typing import Any, ParamSpec

import typer
from typer.core import TyperGroup

from midrib.cli import (
    choosing,
    comparing,
    converting,
    cutting,
    drawing,
    looking,
    making,
    mending,
    releasing,
    running,
    versions,
)
from midrib.errors import InterruptedByUser

P = ParamSpec("P")


def interruptible(verb: Callable[P, None]) -> Callable[P, None]:
    """Say what Ctrl-C means, whichever stage it falls into."""

    @functools.wraps(verb)
    def run(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            verb(*arguments, **options)
        except KeyboardInterrupt:
            raise InterruptedByUser(
                "stopped", todo="what is finished is kept; the same command goes on from there"
            ) from None

    return run


def _unless_missing(process: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """What a value becomes, and None for none."""

    @functools.wraps(process)
    def run(ctx: Any, value: Any) -> Any:
        return None if value is None else process(ctx, value)

    return run


class InPathOrder(TyperGroup):
    """Lists verbs and groups of verbs in the order of the path."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The group's options; of those that are not given pydantic is not asked: it is slow."""
        params: list[Any] = [*super().get_params(ctx)]
        for option in params:
            if "process_value" not in vars(option):
                option.process_value = _unless_missing(option.process_value)
        return params

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002 - typer's signature
        group = _GROUPS.get(self.name or "", app)
        if group is app:
            titles = {each: title for title, each in _GROUPS.items()}
            order = [titles.get(owner, name) for owner, name, _ in _VERBS]
        else:
            order = [name for owner, name, _ in _VERBS if owner is group]
        return sorted(filter(None, self.commands), key=order.index)


def _group(title: str, *, no_args_is_help: bool = True) -> typer.Typer:
    return typer.Typer(
        cls=InPathOrder,
        help=title,
        no_args_is_help=no_args_is_help,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # boxes would double the time that help takes
        context_settings={"help_option_names": ["-h", "--help"]},
    )


app = _group("From a folder of pictures to a running, watched, reversible vision service.")
data = _group("Look at pictures and labels before training.")
backbones = _group(cleandoc(choosing.backbones.__doc__ or ""), no_args_is_help=False)
package = _group("Look into a model package.")
_GROUPS = {"data": data, "backbones": backbones, "package": package}

for _title, _typed in _GROUPS.items():
    app.add_typer(_typed, name=_title)
backbones.callback(invoke_without_command=True)(interruptible(choosing.backbones))

_VERBS: tuple[tuple[typer.Typer, str, Callable[..., None]], ...] = (
    (data, "check", looking.check),
    (data, "fix", mending.fix),
    (data, "quarantine", mending.quarantine),
    (data, "show", drawing.show_data),
    (data, "sample", drawing.sample_data),
    (data, "tile", cutting.tile),
    (data, "convert", converting.convert),
    (data, "split", looking.split),
    (data, "index", versions.index),
    (data, "versions", versions.versions),
    (data, "diff", versions.diff),
    (backbones, "show", choosing.show_backbone),
    (backbones, "compare", comparing.compare),
    (app, "train", making.train),
    (app, "evaluate", making.evaluate),
    (app, "export", making.export),
    (package, "show", running.package_show),
    (package, "verify", running.package_verify),
    (app, "publish", releasing.publish),
    (app, "models", releasing.models),
    (app, "release", releasing.release),
    (app, "rollback", releasing.rollback),
    (app, "serve", running.serve),
    (app, "predict", running.predict),
    (app, "monitor", running.monitor),
    (app, "demo", running.demo),
    (app, "doctor", running.doctor),
)
for _group_of, _name, _verb in _VERBS:
    _group_of.command(_name)(interruptible(_verb))
