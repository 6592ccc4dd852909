from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from load import asking
from server_probe import metric, until
from tiny_package import make_tiny_package, picture_bytes

from midrib.packages.manifest import MANIFEST
from midrib.serving import ServeConfig, ServerProcess
from midrib.settings import Settings
from midrib.state import Releases
from midrib.storage import file_sha256

PREDICT = "/v1/models/colours:predict"
SHARPNESS = {1: 4.0, 2: 8.0, 3: 12.0}


class Shelf:
    """A home with published versions of 'colours', of which version 1 is live."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(home=folder)
        self.releases = Releases(self.settings.database())
        self.scores = {}
        for version, sharpness in SHARPNESS.items():
            self.publish(version, sharpness)
        self.releases.release("colours", 1)

    def folder(self, version: int) -> Path:
        return self.settings.packages / "colours" / str(version)

    def publish(self, version: int, sharpness: float) -> None:
        package = make_tiny_package(self.folder(version), version=version, sharpness=sharpness)
        self.releases.publish(
            "colours",
            version,
            location=str(package.folder),
            manifest_sha256=file_sha256(package.folder / MANIFEST),
            run="tiny",
            created=datetime.now(UTC),
        )


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path / "home")
    yield shelf
    shelf.releases.close()


@pytest.fixture
def following(shelf: Shelf, config: ServeConfig) -> Iterator[ServerProcess]:
    with ServerProcess(["colours"], config, shelf.settings) as server:
        yield server


def live_version(client: httpx.Client) -> int:
    return int(client.get("/v1/models/colours").headers["X-Midrib-Model-Version"])


def test_follows_a_release_under_load(following: ServerProcess, shelf: Shelf) -> None:
    """Within two seconds the new version answers; no request is dropped, no answer is another's.

    Back and forth: a release, another one, a rollback.
    """
    data = picture_bytes("red")
    with (
        asking(following.url + PREDICT, data, clients=3) as load,
        httpx.Client(base_url=following.url) as client,
    ):
        for step, expected in [
            (lambda: shelf.releases.release("colours", 2), 2),
            (lambda: shelf.releases.release("colours", 3), 3),
            (lambda: shelf.releases.rollback("colours"), 2),
        ]:
            seen = len(load.answers)
            step()
            until(lambda expected=expected: live_version(client) == expected, seconds=2)
            until(lambda seen=seen: len(load.answers) > seen + 20)
    assert (load.refused, load.broken) == (0, 0)
    assert {answer.status_code for answer in load.answers} == {200}
    scores: dict[int, set[float]] = {}
    for answer in load.answers:
        body = answer.json()
        assert answer.headers["X-Midrib-Model-Version"] == str(body["version"])
        scores.setdefault(body["version"], set()).add(body["predictions"][0]["score"])
    assert scores.keys() == {1, 2, 3}
    assert max(scores[1]) < min(scores[2]) <= max(scores[2]) < min(scores[3])


def test_a_broken_version_leaves_the_old_one(following: ServerProcess, shelf: Shelf) -> None:
    """A release that cannot be loaded is logged and told on the card; the next good one counts.

    One has a changed byte, the next is whole but not what was published under its number.
    """
    file = shelf.folder(2) / "fp32.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    make_tiny_package(shelf.folder(3), version=3, sharpness=5.0)
    shelf.publish(4, 16.0)
    with httpx.Client(base_url=following.url) as client:

        def problem() -> str:
            return str(client.get("/v1/models/colours").json()["problem"])

        shelf.releases.release("colours", 2)
        until(lambda: "fp32.onnx" in problem())
        shelf.releases.release("colours", 3)
        until(lambda: "not the package that was published" in problem())
        assert client.post(PREDICT, content=picture_bytes("red")).json()["version"] == 1
        broken = following.events("new version is broken, the old one goes on")
        assert [(event["version"], event["serving"]) for event in broken] == [(2, 1), (3, 1)]
        shelf.releases.release("colours", 4)
        until(lambda: live_version(client) == 4)
        assert client.get("/v1/models/colours").json()["problem"] is None
        assert metric(client, 'midrib_live_version{model="colours"}') == 4


def test_serves_on_without_the_database(following: ServerProcess, shelf: Shelf) -> None:
    """While releases cannot be read nothing changes; when they are back, they are followed."""

    def rename(before: str, after: str) -> None:
        with closing(sqlite3.connect(shelf.settings.folder / "state.db")) as database:
            database.execute(f"ALTER TABLE {before} RENAME TO {after}")

    rename("release", "hidden")
    with httpx.Client(base_url=following.url) as client:
        until(lambda: following.events("releases cannot be read, serving on") != [])
        for _ in range(20):
            assert client.post(PREDICT, content=picture_bytes("red")).json()["version"] == 1
        assert client.get("/health/ready").status_code == 200
        rename("hidden", "release")
        until(lambda: following.events("releases can be read again") != [])
        shelf.releases.release("colours", 2)
        until(lambda: live_version(client) == 2)


def test_serves_names_and_folders_together(
    shelf: Shelf, config: ServeConfig, tmp_path: Path
) -> None:
    """Several models answer side by side, each under its name; NAME@VERSION is no release."""
    other = make_tiny_package(tmp_path / "shades", name="shades", sharpness=2.0)
    with (
        ServerProcess(["colours@3", other.folder], config, shelf.settings) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        assert {each["name"] for each in client.get("/v1/models").json()["models"]} == {
            "colours",
            "shades",
        }
        data = picture_bytes("red")
        scores = {
            name: client.post(f"/v1/models/{name}:predict", content=data).json()["predictions"][0]
            for name in ("colours", "shades")
        }
        assert scores["colours"]["score"] > scores["shades"]["score"]
        assert live_version(client) == 3


def test_records_what_it_answered(shelf: Shelf, config: ServeConfig) -> None:
    """Every picture, answered or not, is in the prediction log when the server has stopped."""
    from pyarrow import parquet

    with (
        ServerProcess(["colours"], config, shelf.settings) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        answer = client.post(PREDICT, content=picture_bytes("red")).json()["predictions"][0]
        client.post(PREDICT, content=b"text")
    rows = parquet.read_table(shelf.settings.predictions / "colours").to_pylist()
    answered, refused = sorted(rows, key=lambda row: row["status"])
    assert (answered["id"], answered["status"], answered["label"]) == (answer["id"], 200, "red")
    assert (answered["version"], answered["engine"]) == (1, "onnxruntime")
    assert answered["brightness"] is not None
    assert answered["sketch"] is not None
    assert (refused["status"], refused["label"]) == (415, None)
