"""The house's pages: HTML templates that escape what they are given and share one style."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from midrib.evaluation import wording
from midrib.printable import printable

if TYPE_CHECKING:
    from jinja2 import Template

_SHARED = Path(__file__).parent / "templates"


@cache
def page_template(name: str, folder: Path = _SHARED) -> Template:
    """A template of ``folder``, which may include those of this room."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([folder, _SHARED]),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        counted=wording.counted,
        duration=wording.duration,
        figure=wording.figure,
        metric_meaning=wording.metric_meaning,
        metric_title=wording.metric_title,
        percent=wording.percent,
    )
    return environment.get_template(name)


def _shown(value: object) -> object:
    """A value as a page has it: what is marked as HTML as it is, other text without controls."""
    return value if hasattr(value, "__html__") else printable(str(value))
