"""What must be agreed on: runs and model versions (MLflow), and which version is live (SQL).

``Releases`` needs the extra 'server' and is loaded on first use, so that the field may import
this room without it; ``Runs`` needs the extra 'lab' from its first call on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from midrib.errors import MissingExtraError
from midrib.state.provenance import GitCommit, environment, git_commit, library_versions
from midrib.state.records import ModelVersion, Release, Run
from midrib.state.runs import Runs

if TYPE_CHECKING:
    from midrib.state.releases import Releases

__all__ = [
    "GitCommit",
    "ModelVersion",
    "Release",
    "Releases",
    "Run",
    "Runs",
    "environment",
    "git_commit",
    "library_versions",
]


def __getattr__(name: str) -> object:
    if name != "Releases":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from midrib.state.releases import Releases
    except ModuleNotFoundError as missing:
        raise MissingExtraError("the record of releases", extra="server") from missing
    return Releases
