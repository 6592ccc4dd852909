"""Move faulty pictures out of a source, and put them back. Nothing is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from midrib.datasets import HealthReport, open_source
from midrib.datasets.health import CHECKS, Check, Remedy
from midrib.datasets.quarantine import (
    Action,
    Left,
    Move,
    Place,
    carry_out,
    place_beside,
    plan_quarantine,
    put_back,
)
from midrib.errors import DatasetError, UsageError
from midrib.pipeline.data.checking import check, require_backbone
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings

_SHOWN = 20


@dataclass(frozen=True)
class Quarantined:
    """What was moved, or would be: ``moved`` from where to where, ``left`` with the reason."""

    what: str
    folder: Path
    moved: tuple[tuple[Path, Path], ...]
    left: tuple[tuple[Path, str], ...]

    def as_record(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "what": self.what,
            "folder": str(self.folder),
            "moved": [{"from": str(origin), "to": str(target)} for origin, target in self.moved],
            "left": [{"path": str(path), "reason": reason} for path, reason in self.left],
        }

    def lines(self) -> list[str]:
        """The moves for a terminal."""
        count = len(self.moved)
        shown = [f"{origin} -> {target}" for origin, target in self.moved[:_SHOWN]]
        more = [f"… {count - _SHOWN:,} more"] * (count > _SHOWN)
        left = [f"left: {path}: {reason}" for path, reason in self.left]
        return [f"{self.what} {count:,} picture{'s' * (count != 1)}", *shown, *more, *left]


def quarantine(
    source: str | Path,
    *,
    kinds: Sequence[str] = (),
    to: Path | None = None,
    dry_run: bool = False,
    restore: bool = False,
    embeddings: str | None = None,
    weights: str = "auto",
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> Quarantined:
    """Move the pictures at fault of some kinds out of a folder, or put them back.

    Args:
        source: a folder of pictures, or a table in one.
        kinds: names of checks; when restoring, none stands for all.
        to: where to, outside of the source; None takes a folder beside it.
        dry_run: only tell what would move, or be put back.
        restore: put back what was moved.
        embeddings: a backbone, for kinds that need one.
        weights: of that backbone.
        settings: where the home folder is.
        reporter: is told how far it is.

    Raises:
        UsageError: no kind is named, or one of which no picture can be moved; or options that have
            no use together.
        DatasetError: the source is an archive or a bucket.
        StorageError: the disk refuses, or there is nothing to put back.
    """
    settings = settings or Settings()
    place = source_place(source, to, settings)
    checks = chosen(kinds, restore=restore)
    require_backbone(embeddings, weights)
    if restore:
        _require_no_embeddings(embeddings)
        return restored(place, "quarantine", kinds, dry_run=dry_run, reporter=reporter)
    _require_movable(checks, embeddings)
    health = check(
        source, embeddings=embeddings, weights=weights, settings=settings, reporter=reporter
    )
    plan = _planned(place, checks, health)
    return carried_out(place, "moved", plan, dry_run=dry_run, reporter=reporter)


def source_place(source: str | Path, to: Path | None, settings: Settings) -> Place:
    """Where the pictures are and where they go. Raises ``DatasetError`` for a copy."""
    opened = open_source(source, settings)
    if opened.is_copy:
        raise DatasetError(
            f"{opened.named} is not a folder",
            expected="a folder of pictures, or a table in one",
            todo="unpack or copy it to a folder first",
        )
    return place_beside(opened.path, to)


def chosen(kinds: Sequence[str], *, restore: bool) -> list[Check]:
    """The checks of these names. Raises ``UsageError`` where one has to be named and none is."""
    if not (kinds or restore):
        raise UsageError(
            "no kind of fault is named", expected="--kind", todo="take one that 'check' has told"
        )
    return [CHECKS.get(kind) for kind in kinds]


def restored(
    place: Place, action: Action, kinds: Sequence[str], *, dry_run: bool, reporter: Reporter
) -> Quarantined:
    """Put back what one action has moved, or tell what would be put back."""
    with reporter.bar("put back") as advance:
        outcome = put_back(
            place,
            action,
            kinds,
            lambda done, total: advance(done, total, ""),
            dry_run=dry_run,
        )
    what = "would have put back" if dry_run else "put back"
    return Quarantined(what, place.folder, outcome.moved, outcome.left)


def carried_out(
    place: Place,
    what: str,
    planned: tuple[Sequence[Move], Sequence[Left]],
    *,
    dry_run: bool,
    reporter: Reporter,
) -> Quarantined:
    """Move as planned, or tell what would move; ``what`` says in a word what is done."""
    moves, left = planned
    if dry_run:
        would = tuple((place.root / move.origin, place.target(move)) for move in moves)
        return Quarantined(f"would have {what}", place.folder, would, tuple(left))
    with reporter.bar("move") as advance:
        outcome = carry_out(place, moves, lambda done, total: advance(done, total, ""))
    return Quarantined(what, place.folder, outcome.moved, (*left, *outcome.left))


def _require_no_embeddings(embeddings: str | None) -> None:
    if embeddings is not None:
        raise UsageError(
            f"embeddings of {embeddings} for putting pictures back",
            expected="none: the journal tells what was moved",
            todo="leave --embeddings out",
        )


def _require_movable(checks: Sequence[Check], embeddings: str | None) -> None:
    for kind in checks:
        if kind.remedy is Remedy.NONE:
            raise UsageError(
                f"moving pictures away does not help against '{kind.name}'",
                expected="a kind that pictures are at fault in",
                todo=kind.todo,
            )
        if kind.needs_embeddings and embeddings is None:
            raise UsageError(
                f"'{kind.name}' is only found with embeddings",
                expected="a backbone",
                todo="add --embeddings efficientnet-lite0, or the one that you checked with",
            )


def _planned(
    place: Place, checks: Sequence[Check], health: HealthReport
) -> tuple[list[Move], list[Left]]:
    """Each picture moves once, for the first of the kinds that it is at fault in."""
    moves: list[Move] = []
    left: list[Left] = []
    seen: set[Path] = set()
    for kind in checks:
        paths = [path for path in health.pictures(kind.name) if path not in seen]
        seen.update(paths)
        more, refused = plan_quarantine(place, kind.name, paths)
        moves += more
        left += refused
    return moves, left
