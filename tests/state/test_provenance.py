import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from midrib.machine import machine_name
from midrib.state import environment, git_commit, library_versions


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "train.py").write_text("rate = 1\n")
    git(tmp_path, "add", "train.py")
    git(
        tmp_path,
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=a@b.c",
        "commit",
        "--quiet",
        "-m",
        "Start",
    )
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [shutil.which("git") or "git", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_commit_of_a_clean_repository(repository: Path) -> None:
    """A clean repository gives its commit; files that git does not follow don't count."""
    (repository / "pictures.csv").write_text("")
    commit = git_commit(repository)
    assert commit is not None
    assert (commit.commit, commit.dirty) == (git(repository, "rev-parse", "HEAD"), False)


def test_commit_of_a_changed_repository(repository: Path) -> None:
    """A changed file makes the repository dirty."""
    (repository / "train.py").write_text("rate = 2\n")
    commit = git_commit(repository)
    assert commit is not None
    assert commit.dirty


def test_no_commit_outside_a_repository(tmp_path: Path) -> None:
    """Outside a repository, and before its first commit, there is none."""
    assert git_commit(tmp_path) is None
    git(tmp_path, "init", "--quiet")
    assert git_commit(tmp_path) is None


def test_no_commit_without_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git there is none."""
    monkeypatch.setenv("PATH", "")
    assert git_commit(repository) is None


def test_a_repository_runs_no_program_of_its_own(repository: Path, tmp_path: Path) -> None:
    """A repository that names a file watcher does not get it run."""
    watcher = tmp_path / "watcher"
    watcher.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    watcher.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(watcher))
    assert git_commit(repository) is not None
    assert not (tmp_path / "ran").exists()


def test_environment_names_machine_and_libraries() -> None:
    """Libraries of use are listed with their versions; tools of development are not."""
    found = environment()
    assert found["machine"] == machine_name()
    assert found["libraries"] == library_versions()
    assert library_versions()["pillow"] == version("pillow")
    assert not {"midrib", "pytest", "ruff"} & library_versions().keys()
