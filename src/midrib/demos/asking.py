"""Ask a server over HTTP with nothing but the standard library, as any client could."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from midrib.errors import ServingError

_SWITCH_SECONDS = 10.0
_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Asked:
    """One round of questions: the version that answered all of them, and what it said.

    ``labels`` are counted by picture, by object where there are any, and those of pixels by
    picture that shows them.
    """

    when: str
    version: int
    pictures: int
    labels: dict[str, int]
    median_ms: float
    seconds_until_version: float

    def as_record(self) -> dict[str, object]:
        return asdict(self)

    def line(self) -> str:
        said = ", ".join(f"{count} {label}" for label, count in sorted(self.labels.items()))
        return (
            f"asked      version {self.version} answered {self.pictures} pictures: {said}; "
            f"median {self.median_ms:.1f} ms, live {self.seconds_until_version:.2f} s after it "
            "was asked for"
        )


def ask_until_version(url: str, model: str, pictures: Sequence[Path], version: int) -> Asked:
    """Ask until ``version`` answers, then ask about all ``pictures``.

    Raises ``ServingError`` when a request fails or the version does not come.
    """
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=_TIMEOUT_SECONDS)
    started = time.monotonic()
    try:
        # Another picture each time, so that the log sees what the test split holds.
        for picture in itertools.cycle(pictures):
            if _ask(connection, model, picture)["version"] == version:
                break
            if time.monotonic() - started > _SWITCH_SECONDS:
                raise ServingError(
                    f"version {version} does not answer after {_SWITCH_SECONDS:g} s",
                    expected="the released version within two seconds",
                    todo="see the server's log",
                )
        waited = time.monotonic() - started
        labels: Counter[str] = Counter()
        took_ms = []
        for picture in pictures:
            asked = time.monotonic()
            answer = _ask(connection, model, picture)
            took_ms.append((time.monotonic() - asked) * 1000)
            labels.update(_labels(answer["predictions"][0]))
    finally:
        connection.close()
    median_ms = sorted(took_ms)[len(took_ms) // 2]
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return Asked(when, version, len(pictures), dict(labels), round(median_ms, 2), round(waited, 2))


def ask_drawn(url: str, model: str, picture: Path) -> bytes:
    """A picture with the objects that ``model`` finds in it, as PNG. Raises ``ServingError``."""
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=_TIMEOUT_SECONDS)
    try:
        return _answered(connection, model, picture, "image/png")
    finally:
        connection.close()


def _labels(prediction: dict[str, Any]) -> list[str]:
    """The class of a picture, or those of the objects or of the pixels in it."""
    for things in ("objects", "classes"):
        if things in prediction:
            return [each["label"] for each in prediction[things]]
    return [prediction["label"]]


def _ask(connection: HTTPConnection, model: str, picture: Path) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(_answered(connection, model, picture, "application/json"))
    return answer


def _answered(connection: HTTPConnection, model: str, picture: Path, accept: str) -> bytes:
    headers = {"Content-Type": "application/octet-stream", "Accept": accept}
    connection.request("POST", f"/v1/models/{model}:predict", picture.read_bytes(), headers)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise ServingError(
            f"the server answered {response.status}: {body[:200].decode(errors='replace')}",
            expected="an answer",
            todo="see the server's log",
        )
    return body
