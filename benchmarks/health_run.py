"""One check of a folder in a process of its own: ``python -m benchmarks.health_run NAME FOLDER``.

Prints one JSON object: seconds, peak memory in bytes, and the names of files that were found, by
kind.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

OURS, PEER = "midrib", "cleanvision"

Found = dict[str, list[str]]
_OUR_KINDS = {
    "exact copies": ("exact-copy", "label-conflict"),
    "near copies": ("near-copy", "label-conflict"),
    "dark": ("dark",),
    "blank": ("blank",),
    "blurred": ("blurred",),
}
_THEIR_KINDS = {"dark": "dark", "blank": "low_information", "blurred": "blurry"}


def midrib(folder: Path) -> Found:
    """All checks that need no embeddings."""
    from midrib.datasets import check_dataset, read_dataset

    health = check_dataset(read_dataset(folder))
    return {
        planted: sorted(
            path.name
            for kind in kinds
            for finding in health.findings.get(kind, ())
            for path in (*finding.pictures, *finding.kept)
        )
        for planted, kinds in _OUR_KINDS.items()
    }


def cleanvision(folder: Path) -> Found:
    """All checks that it runs by default, in a process a core."""
    from cleanvision import Imagelab  # type: ignore[import-not-found]  # an optional peer

    from midrib.machine import usable_cores

    with contextlib.redirect_stdout(io.StringIO()):
        lab = Imagelab(data_path=str(folder), verbose=False)
        lab.find_issues(n_jobs=usable_cores(), verbose=False)
    found = {
        planted: sorted(
            Path(name).name for name in lab.issues.index[lab.issues[f"is_{kind}_issue"]]
        )
        for planted, kind in _THEIR_KINDS.items()
    }
    for planted, kind in (("exact copies", "exact_duplicates"), ("near copies", "near_duplicates")):
        groups = lab.info[kind]["sets"]
        found[planted] = sorted(Path(name).name for group in groups for name in group)
    return found


CHECKERS: dict[str, Callable[[Path], Found]] = {OURS: midrib, PEER: cleanvision}


def main(name: str, folder: Path) -> None:
    """Check ``folder`` once and print what it cost."""
    started = time.perf_counter()
    found = CHECKERS[name](folder)
    seconds = time.perf_counter() - started
    kilobytes = sum(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(json.dumps({"seconds": seconds, "peak_bytes": 1024 * kilobytes, "found": found}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
