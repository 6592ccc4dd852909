"""Names that some file systems, or hasty readers, hold to be the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from midrib.datasets.health.checks import Finding, Gravity, Remedy, check
from midrib.datasets.health.evidence import Evidence
from midrib.datasets.names import folded


@check(
    "similar-class",
    Gravity.WARNING,
    title="classes whose names differ by case or separators only",
    meaning="They are most likely one class that was written in several ways: the model is "
    "taught to tell apart what is the same.",
    todo="Give them one name where the labels are kept, or names that differ plainly.",
    remedy=Remedy.NONE,
    shows_text=True,
)
def similar_class(evidence: Evidence) -> Iterator[Finding]:
    """Classes of one name, but for case, spaces, '-' and '_'."""
    same: dict[str, list[str]] = defaultdict(list)
    for label in evidence.dataset.labels:
        words = folded(label).replace("-", " ").replace("_", " ").split()
        same[" ".join(words) or label].append(label)
    for labels in same.values():
        if len(labels) > 1:
            yield Finding(" and ".join(f"'{label}'" for label in labels), len(labels))


@check(
    "similar-file-name",
    Gravity.NOTE,
    title="files of one folder whose names differ by case or Unicode form only",
    meaning="Windows and macOS can keep only one of them, and so can their archives.",
    todo="Rename them before the data moves on; midrib data convert gives them other names.",
    remedy=Remedy.NONE,
)
def similar_file_name(evidence: Evidence) -> Iterator[Finding]:
    """Pictures of one folder that share a folded name."""
    same: dict[tuple[Path, str], list[Path]] = defaultdict(list)
    for item in evidence.items:
        same[item.path.parent, folded(item.path.name)].append(item.path)
    for paths in same.values():
        if len(set(paths)) > 1:
            yield Finding("names that some systems hold to be one", 0, tuple(dict.fromkeys(paths)))
