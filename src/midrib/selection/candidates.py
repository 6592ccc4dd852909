"""The backbones that a user names, known before anything is measured."""

from __future__ import annotations

from collections.abc import Iterable

from midrib.backbones import canonical_name
from midrib.backbones.catalogue import TIMM_PREFIX, TORCHVISION_PREFIX
from midrib.errors import UsageError


def candidates(typed: Iterable[str]) -> list[str]:
    """Each backbone once, under its own name, in the order that they were typed.

    Raises:
        UnknownNameError: nothing has that name; the nearest names are told.
        UsageError: none was typed.
    """
    names = list(dict.fromkeys(canonical_name(name) for name in typed))
    if not names:
        raise UsageError("no backbone was named", expected="one or more", todo="name some")
    for name in names:
        _require_known(name)
    return names


def _require_known(name: str) -> None:
    """Raise ``UnknownNameError`` unless the library after whose prefix a name stands has it."""
    if name.startswith(TIMM_PREFIX):
        from midrib.backbones.adapters.timm_backbone import require_timm_model

        require_timm_model(name.removeprefix(TIMM_PREFIX))
    elif name.startswith(TORCHVISION_PREFIX):
        from midrib.backbones.adapters.torchvision_models import require_torchvision_model

        require_torchvision_model(name.removeprefix(TORCHVISION_PREFIX))
