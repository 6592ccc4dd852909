"""What can answer, and what each asks of a backbone. Nothing here loads torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from midrib.backbones.pyramid.strides import source_of
from midrib.names import Registry


@dataclass(frozen=True)
class Fit:
    """The strides that an algorithm reads, by whether a backbone has them.

    ``own`` are the backbone's own maps, ``added`` come from an added layer, ``missing`` cannot be
    had: then the algorithm does not take the backbone.
    """

    own: tuple[int, ...]
    added: tuple[int, ...]
    missing: tuple[int, ...]

    @property
    def takes(self) -> bool:
        """Whether the algorithm can have all that it reads."""
        return not self.missing

    def as_record(self) -> dict[str, object]:
        return {
            "takes": self.takes,
            "own": list(self.own),
            "added": list(self.added),
            "missing": list(self.missing),
        }

    def describe(self) -> str:
        """In words, for a row of a table."""
        parts = [
            f"{_listed(strides)} {how}"
            for strides, how in (
                (self.own, "its own"),
                (self.added, "by an added layer"),
                (self.missing, "not to be had"),
            )
            if strides
        ]
        return f"maps of stride {'; '.join(parts)}" if parts else "pooled features"


@dataclass(frozen=True)
class Algorithm:
    """A head with its loss and its decoding.

    ``strides`` are those of the maps that it reads, in pixels; none where it reads the pooled
    features, which every backbone has. ``reference`` is the paper, or the module that explains it.
    """

    task: str
    head: str
    reference: str
    strides: tuple[int, ...] = ()

    def fit(self, own: Sequence[int]) -> Fit:
        """How a backbone meets it whose maps have the strides ``own``, finest first."""
        had = {stride for stride in self.strides if source_of(stride, own) is not None}
        return Fit(
            own=tuple(stride for stride in self.strides if stride in own),
            added=tuple(stride for stride in self.strides if stride in had and stride not in own),
            missing=tuple(stride for stride in self.strides if stride not in had),
        )


ALGORITHMS: Registry[Algorithm] = Registry("algorithm")

ALGORITHMS.register("linear-classifier")(
    Algorithm(
        task="classification",
        head="one linear layer on the pooled features",
        reference="midrib.tasks.classification",
    )
)


def _listed(strides: Sequence[int]) -> str:
    return ", ".join(map(str, strides))
