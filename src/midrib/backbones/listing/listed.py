"""Backbones with what is known of each. Listing the built-in ones loads no torch.

What the models of timm and torchvision and the backbones of third parties count is found when they
are first listed, and remembered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import entry_points, version
from pathlib import Path

from midrib.backbones.catalogue import (
    BACKBONE_KIND,
    CATALOGUE,
    PREFIXES,
    folded,
    library_of,
)
from midrib.backbones.listing.counted import Counts, read_counts
from midrib.backbones.weights.hub import HUB, hub_weights
from midrib.backbones.weights.packaged import PACKAGED, PACKAGED_WEIGHTS
from midrib.errors import MidribError
from midrib.extras import require_extra
from midrib.storage import read_json, write_json

PLUGIN = "plug-in"
"""The source of backbones that third parties enter."""

OWN_FAMILIES = frozenset({"darknet19", "shufflenet-v1"})
"""Written by midrib: nobody publishes weights for these very networks."""

_OFTEN = 10
"""Backbones that are counted between two writes of what is remembered."""


@dataclass(frozen=True)
class Origin:
    """Where a backbone comes from.

    ``source`` is the library that has it, or 'plug-in', and ``model`` what that calls it;
    ``reference`` is the paper, where midrib knows it.
    """

    name: str
    family: str
    source: str
    model: str
    reference: str


@dataclass(frozen=True)
class Listed:
    """A backbone as it stands in the list; ``weights`` are the places that have some for it."""

    origin: Origin
    counts: Counts
    weights: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """Backbones, and those that could not be counted with the reason."""

    listed: tuple[Listed, ...]
    uncounted: tuple[tuple[str, str], ...] = ()


Progress = Callable[[int, int, str], None]
"""Backbones counted, backbones to count, and the name of the one at work."""


def find_backbones(pattern: str, memory: Path, progress: Progress) -> Found:
    """The backbones whose names match.

    Args:
        pattern: with ``*`` and ``?``, or a part of a name, its spelling forgiven; without a prefix
            it means the built-in ones and those of third parties, after 'timm:' or 'torchvision:'
            every model there, for which the extra 'lab' is needed.
        memory: the folder where counts are remembered.
        progress: is told which backbone is counted, if any has to be.
    """
    for prefix in PREFIXES:
        if pattern.casefold().startswith(prefix):
            library = prefix.rstrip(":")
            require_extra(f"a list of {library}'s models", "lab")
            wanted = pattern[len(prefix) :]
            names = [f"{prefix}{model}" for model in _models(library) if _matches(model, wanted)]
            kept = memory / f"counts-{library}-{version(library)}.json"
            return _counted(names, _Memory(kept), progress)
    built_in = [each for each in built_in_backbones() if _matches(each.origin.name, pattern)]
    others = _counted([name for name in plugins() if _matches(name, pattern)], None, progress)
    return Found((*built_in, *others.listed), others.uncounted)


def built_in_backbones() -> Iterator[Listed]:
    """Every backbone of the catalogue, in its order."""
    counts = read_counts()
    for name in CATALOGUE:
        yield Listed(origin_of(name), counts[name], places_of_weights(name))


def plugins() -> list[str]:
    """Names that third parties enter."""
    return sorted(point.name for point in entry_points(group=f"midrib.{BACKBONE_KIND}"))


def origin_of(name: str) -> Origin:
    """Where a backbone of that canonical name comes from; after a prefix its library is loaded."""
    entry = CATALOGUE.get(name)
    if entry is not None:
        return Origin(name, entry.family, entry.source, entry.model, entry.reference)
    found = library_of(name)
    if found is None:
        return Origin(name, PLUGIN, PLUGIN, name, "")
    return Origin(name, _module_of(*found), *found, "")


def places_of_weights(name: str) -> tuple[str, ...]:
    """Where weights are to be had for a backbone: 'packaged', 'hub'."""
    packaged = (PACKAGED,) if name in PACKAGED_WEIGHTS else ()
    published = name not in OWN_FAMILIES if name in CATALOGUE else bool(hub_weights(name))
    return (*packaged, HUB) if published else packaged


class _Memory:
    """Counts by name, in a file for one version of a library."""

    def __init__(self, file: Path) -> None:
        self._file = file
        rows = read_json(file)["backbones"] if file.is_file() else []
        self.known = {row["name"]: Counts(**row) for row in rows}

    def write(self) -> None:
        rows = [counts.model_dump(mode="json") for counts in self.known.values()]
        write_json(self._file, {"backbones": rows})


def _counted(names: Sequence[str], memory: _Memory | None, progress: Progress) -> Found:
    """Count what is not remembered; what was counted is kept when this is interrupted."""
    known = memory.known if memory else {}
    uncounted: list[tuple[str, str]] = []
    missing = [name for name in names if name not in known]
    for done, name in enumerate(missing):
        progress(done, len(missing), name)
        try:
            known[name] = _count(name)
        except MidribError as problem:
            uncounted.append((name, problem.came))
        except Exception as problem:  # noqa: BLE001 - what one foreign network does not do keeps no other from the list
            uncounted.append((name, f"{type(problem).__name__}: {problem}"))
        progress(done + 1, len(missing), name)
        if memory and (done % _OFTEN == 0 or done + 1 == len(missing)):
            memory.write()
    listed = tuple(
        Listed(origin_of(name), known[name], places_of_weights(name))
        for name in names
        if name in known
    )
    return Found(listed, tuple(uncounted))


def _count(name: str) -> Counts:
    from midrib.backbones.listing.counting import count

    return count(name)


def _models(library: str) -> list[str]:
    """Every model of the installed library, our own families among timm's."""
    if library == "timm":
        from midrib.backbones.adapters import timm_backbone

        return timm_backbone.model_names()
    from midrib.backbones.adapters import torchvision_models

    return torchvision_models.model_names()


def _module_of(library: str, model: str) -> str:
    """The module that has a model, which is the nearest to a family that libraries tell."""
    if library == "timm":
        import timm

        maker = timm.model_entrypoint(model)
    else:
        from torchvision.models import get_model_builder

        maker = get_model_builder(model)
    return str(maker.__module__).rpartition(".")[2]


def _matches(name: str, wanted: str) -> bool:
    """Whether a name is meant, as it stands or without what `folded` forgives."""
    if not set("*?[") & set(wanted):
        return folded(wanted) in folded(name)
    # A '-' in brackets is a range, no separator.
    parts = re.split(r"(\[[^]]+])", wanted.casefold())
    forgiven = "".join(part if part.startswith("[") else folded(part) for part in parts)
    return fnmatchcase(name.casefold(), wanted.casefold()) or fnmatchcase(folded(name), forgiven)
