"""The backbones that a user names, known before anything is measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from midrib.backbones import canonical_name
from midrib.backbones.catalogue import TIMM_PREFIX, TORCHVISION_PREFIX
from midrib.errors import UsageError
from midrib.names import unknown_name


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
        prefix, colon, model = name.partition(":")
        if colon:
            _require_known(prefix + colon, model)
    return names


def _require_known(prefix: str, model: str) -> None:
    """Raise ``UnknownNameError`` unless the library has the model."""
    known = _models(prefix)
    if model not in known:
        raise unknown_name(f"{prefix.rstrip(':')} model", model, known)


def _models(prefix: str) -> Sequence[str]:
    if prefix == TIMM_PREFIX:
        import timm

        models: list[str] = timm.list_models()
        return models
    if prefix == TORCHVISION_PREFIX:
        from midrib.backbones.torchvision_models import model_names

        return model_names()
    raise AssertionError(f"canonical_name gives no name that begins with '{prefix}'")
