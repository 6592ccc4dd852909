"""The one door by which checks enter: each looks for one kind of fault in the evidence.

    @check("blank", Gravity.WARNING, title="…", meaning="…", todo="…")
    def blank(evidence: Evidence) -> Iterator[Finding]:
        …

Third parties enter a `Check` through the entry point group ``midrib.check``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, IntEnum
from pathlib import Path

from midrib.datasets.annotations import XYXY
from midrib.datasets.health.evidence import Evidence
from midrib.names import Registry

_SHOWN = 3


class Gravity(IntEnum):
    """How much a kind of fault matters."""

    NOTE = 1
    """Worth knowing; the picture can be right as it is."""
    WARNING = 2
    """To be looked at before training."""
    GRAVE = 3
    """A score on these pictures would be a lie."""


class Remedy(Enum):
    """What midrib can do about a kind of fault; the rest is for people."""

    NONE = "none"
    QUARANTINE = "quarantine"
    """Move the pictures out of the source."""
    FIX = "fix"
    """Mend them where they are, without touching a pixel."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault.

    ``text`` tells it in a clause. ``measure`` sorts findings of a kind, larger is worse.
    ``pictures`` are at fault, and what quarantine would move; ``kept`` are shown beside them:
    the first of some copies, the neighbours of a suspect. ``boxes`` are objects at fault in the
    first picture, in its upright pixels.
    """

    text: str
    measure: float = 0.0
    pictures: tuple[Path, ...] = ()
    kept: tuple[Path, ...] = ()
    boxes: tuple[XYXY, ...] = ()

    @property
    def brief(self) -> str:
        """The finding in a list: names of its pictures, or its text where there are none."""
        shown = self.pictures + self.kept
        return " = ".join(path.name for path in shown[:_SHOWN]) or self.text

    def as_record(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "text": self.text,
            "measure": self.measure,
            "pictures": [str(path) for path in self.pictures],
            "kept": [str(path) for path in self.kept],
            "boxes": [list(box) for box in self.boxes],
        }


Look = Callable[[Evidence], Iterable[Finding]]


@dataclass(frozen=True)
class Check:
    """One kind of fault.

    ``title`` names what is found, in the plural; ``meaning`` says what it does to a model, and
    ``todo`` what to do about it, both in sentences. ``shows_text``: the findings' texts say more
    than the names of their pictures. ``needs_embeddings``: without them nothing can be found.
    """

    name: str
    gravity: Gravity
    title: str
    meaning: str
    todo: str
    look: Look
    remedy: Remedy = Remedy.QUARANTINE
    shows_text: bool = False
    needs_embeddings: bool = False

    def find(self, evidence: Evidence) -> tuple[Finding, ...]:
        """What is found, worst first."""
        if self.needs_embeddings and evidence.embeddings is None:
            return ()
        return tuple(sorted(self.look(evidence), key=lambda finding: -finding.measure))

    def summary(self, findings: tuple[Finding, ...]) -> str:
        """What was found of this kind, in one line."""
        told = [each.text if self.shows_text else each.brief for each in findings[:_SHOWN]]
        more = " …" if len(findings) > _SHOWN else ""
        return f"{self.title} ({self.name}: {len(findings):,}): {', '.join(told)}{more}"


CHECKS: Registry[Check] = Registry("check")


def check(
    name: str,
    gravity: Gravity,
    *,
    title: str,
    meaning: str,
    todo: str,
    remedy: Remedy = Remedy.QUARANTINE,
    shows_text: bool = False,
    needs_embeddings: bool = False,
) -> Callable[[Look], Look]:
    """Register a function that looks for one kind of fault; see `Check` for the arguments."""

    def enter(look: Look) -> Look:
        CHECKS.register(name)(
            Check(name, gravity, title, meaning, todo, look, remedy, shows_text, needs_embeddings)
        )
        return look

    return enter
