"""Mend what can be mended without touching a pixel, and take it back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from midrib.datasets import HealthReport
from midrib.datasets.health import CHECKS, Check, Remedy, proper_suffix
from midrib.datasets.quarantine import Left, Move, Place, plan_renaming
from midrib.errors import DatasetError, UsageError
from midrib.pipeline.data.checking import check
from midrib.pipeline.data.quarantining import (
    Quarantined,
    carried_out,
    chosen,
    restored,
    source_place,
)
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings

_UNNAMED_IN = frozenset({"class-folders", "split-folders"})
"""Formats in which nothing but the file system knows what a picture is called."""


def fix(
    source: str | Path,
    *,
    kinds: Sequence[str] = (),
    to: Path | None = None,
    dry_run: bool = False,
    restore: bool = False,
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> Quarantined:
    """Mend the pictures at fault of some kinds: files are renamed, their content stays.

    Args:
        source: a folder of pictures.
        kinds: names of checks; when restoring, none stands for all.
        to: where the journal is kept, outside of the source; None takes a folder beside it.
        dry_run: only tell what would be renamed.
        restore: give back the old names.
        settings: where the home folder is.
        reporter: is told how far it is.

    Raises:
        UsageError: no kind is named, or one that cannot be mended.
        DatasetError: annotations name the files, so that renaming would part them.
        StorageError: the disk refuses, or there is nothing to take back.
    """
    settings = settings or Settings()
    place = source_place(source, to, settings)
    checks = chosen(kinds, restore=restore)
    if restore:
        return restored(place, "rename", kinds, dry_run=dry_run, reporter=reporter)
    _require_mendable(checks)
    health = check(source, settings=settings, reporter=reporter)
    _require_unnamed(health)
    plan = _planned(place, checks, health)
    return carried_out(place, "renamed", plan, dry_run=dry_run, reporter=reporter)


def _require_mendable(checks: Sequence[Check]) -> None:
    mendable = [name for name in CHECKS if CHECKS.get(name).remedy is Remedy.FIX]
    for kind in checks:
        if kind.name not in mendable:
            raise UsageError(
                f"'{kind.name}' cannot be mended without changing pictures or labels",
                expected=" or ".join(mendable),
                todo=kind.todo,
            )


def _require_unnamed(health: HealthReport) -> None:
    if health.dataset.format not in _UNNAMED_IN:
        raise DatasetError(
            f"annotations in {health.dataset.place} name its files ({health.dataset.format})",
            expected="class folders, where nothing else knows what a picture is called",
            todo="rename the files and what names them together, or convert the dataset first",
        )


def _planned(
    place: Place, checks: Sequence[Check], health: HealthReport
) -> tuple[list[Move], list[Left]]:
    """Every picture gets the ending of the format that it is in."""
    formats = {item.path: item.format for item in health.dataset.items}
    moves: list[Move] = []
    left: list[Left] = []
    for kind in checks:
        endings = [(path, proper_suffix(formats[path])) for path in health.pictures(kind.name)]
        more, refused = plan_renaming(place, kind.name, endings)
        moves += more
        left += refused
    return moves, left
