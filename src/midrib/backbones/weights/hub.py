"""Weights that timm and torchvision publish for their models: which there are, by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from midrib.backbones.catalogue import TIMM_PREFIX, library_of
from midrib.errors import UsageError
from midrib.names import unknown_name

HUB = "hub"
_SAFETENSORS = "model.safetensors"
_TORCHVISION_LICENCE = "BSD-3-Clause, as torchvision"
_REVISION = "@"
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.pth$")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class HubWeights:
    """One set of weights of a model.

    ``tag`` is what its publisher calls it, ``aliases`` are longer names of the same, and ``model``
    is what the ``library`` calls the model.
    ``repository`` is an id of Hugging Face's hub, or empty where ``url`` names a file, of about
    ``megabytes`` if that is told. ``normalisation`` is mean and std where the library tells it.
    """

    tag: str
    library: Literal["timm", "torchvision"]
    model: str
    licence: str
    aliases: tuple[str, ...] = ()
    repository: str = ""
    url: str = ""
    megabytes: float | None = None
    normalisation: tuple[float, ...] = ()

    @property
    def title(self) -> str:
        """What to call it before a user, and what stands after 'hub:'."""
        return self.repository or self.aliases[0]

    @property
    def file_name(self) -> str:
        return _SAFETENSORS if self.repository else self.url.rpartition("/")[2]


@dataclass(frozen=True)
class Pinned:
    """What a name was seen to stand for: ``revision`` is empty for a file at a URL."""

    title: str
    revision: str
    sha256: str


def hash_in_name(weights: HubWeights) -> str | None:
    """The first digits of its hash that the name of a file at a URL ends in, if it does."""
    found = _HASH_IN_NAME.search(weights.url)
    return found[1] if found else None


def hub_weights(name: str) -> list[HubWeights]:
    """All weights that are published for a backbone, the publisher's own choice first."""
    library, model = library_of(name) or ("", "")
    if library == "timm":
        return _of_timm(model)
    return _of_torchvision(model) if library == "torchvision" else []


def choose_weights(name: str, typed: str) -> tuple[HubWeights, str]:
    """The weights that stand after 'hub:', and the revision if one was named.

    Taken are nothing for the publisher's own choice, a tag, and the whole name that the publisher
    gives them. Raises ``UsageError`` with those that there are.
    """
    wanted, _, revision = typed.partition(_REVISION)
    known = hub_weights(name)
    if not known:
        raise UsageError(
            f"no hub has weights for '{name}'",
            expected="weights that exist",
            todo="add --weights FILE.safetensors, or --weights none for a random start",
        )
    for weights in known:
        if wanted in {"", weights.tag, weights.title, *weights.aliases}:
            _require_same_pictures(name, weights, known[0])
            _require_revisions(weights, revision)
            return weights, revision
    raise unknown_name(f"weights for '{name}' on the hub:", wanted, [each.title for each in known])


def _require_same_pictures(name: str, weights: HubWeights, default: HubWeights) -> None:
    """Refuse weights that want pictures normalised otherwise than the backbone of that name."""
    if weights.normalisation != default.normalisation:
        raise UsageError(
            f"{weights.title} was trained on pictures in another normalisation than '{name}' has",
            expected=f"weights like {default.title}",
            todo=f"name the backbone with its weights: {TIMM_PREFIX}{weights.model}",
        )


def _require_revisions(weights: HubWeights, revision: str) -> None:
    if revision and not weights.repository:
        raise UsageError(
            f"{weights.title} is a file that has no revisions, but '{revision}' is asked for",
            expected=f"'{HUB}:{weights.title}'",
            todo=f"leave {_REVISION}{revision} out",
        )


def _of_timm(model: str) -> list[HubWeights]:
    import timm

    architecture, _, tag = model.partition(".")
    names: list[str] = timm.list_pretrained([architecture, f"{architecture}.*"])
    chosen = f"{architecture}.{tag or _default_tag(timm.get_pretrained_cfg(architecture))}"
    found = [_timm_weights(each, timm.get_pretrained_cfg(each)) for each in names]
    return sorted(found, key=lambda weights: weights.model != chosen)


def _default_tag(told: Any) -> str:
    return (told.tag or "") if told else ""


def _timm_weights(name: str, told: Any) -> HubWeights:
    return HubWeights(
        tag=told.tag or "",
        library="timm",
        model=name,
        licence=told.license or "not told by timm",
        aliases=(name,),
        repository=told.hf_hub_id or "",
        url="" if told.hf_hub_id else told.url,
        normalisation=(*told.mean, *told.std),
    )


def _of_torchvision(model: str) -> list[HubWeights]:
    from torchvision.models import get_model_weights, list_models

    from midrib.backbones.adapters.torchvision_models import preset_of

    if model not in list_models():
        return []
    kinds = get_model_weights(model)
    # Not torchvision's DEFAULT: the preprocessing and the accuracy that we tell are those of these.
    default = kinds[preset_of(model).weights]
    return [
        HubWeights(
            tag=each.name,
            library="torchvision",
            model=model,
            licence=each.meta.get("license", _TORCHVISION_LICENCE),
            aliases=(f"{model}.{each.name}", str(each)),
            url=each.url,
            megabytes=each.meta.get("_file_size"),
        )
        for each in sorted(kinds, key=lambda each: each is not default)
    ]
