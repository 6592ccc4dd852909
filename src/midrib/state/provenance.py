"""Where a run comes from: code, libraries and machine."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from midrib.machine import machine_name

_DISTRIBUTION = "midrib"
_GIT_SECONDS = 10


@dataclass(frozen=True)
class GitCommit:
    """``commit``: the full hash. ``dirty``: whether tracked files differ from it."""

    commit: str
    dirty: bool


def git_commit(folder: Path | None = None) -> GitCommit | None:
    """The commit that ``folder`` (here by default) stands at; None without git or repository."""
    commit = _git(["rev-parse", "--verify", "HEAD"], folder)
    changes = _git(["status", "--porcelain", "--untracked-files=no"], folder)
    if commit is None or changes is None:
        return None
    return GitCommit(commit=commit, dirty=bool(changes))


def library_versions() -> dict[str, str]:
    """Name and version of every library that midrib declares, for use, and that is installed."""
    declared = [line for line in requires(_DISTRIBUTION) or [] if "extra == 'dev'" not in line]
    names = {match[0] for line in declared if (match := re.match(r"[A-Za-z0-9._-]+", line))}
    found = {name: _version(name) for name in sorted(names - {_DISTRIBUTION})}
    return {name: number for name, number in found.items() if number is not None}


def environment() -> dict[str, object]:
    """What a run ran with, JSON-ready: midrib, Python, the machine and the libraries."""
    return {
        "midrib": version(_DISTRIBUTION),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": machine_name(),
        "libraries": library_versions(),
    }


def _git(arguments: list[str], folder: Path | None) -> str | None:
    program = shutil.which("git")
    if program is None:
        return None
    # A repository's configuration may name a program to watch its files: it is not ours to run.
    call = [program, "-c", "core.fsmonitor=false", *arguments]
    try:
        done = subprocess.run(
            call, cwd=folder, capture_output=True, text=True, check=True, timeout=_GIT_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
