"""Carries out the pages' examples, as a reader would who types them one after the other."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
from pages import README, Example, Fence, examples, fences, in_reading_order
from photos import make_class_folders
from PIL import Image
from sklearn.datasets import load_digits
from warm_start import WarmStart

SHOWN_ADDRESS = "http://127.0.0.1:8080"
LABELS = ("faulty", "good")
_DIGITS = {"good": 3, "faulty": 8}
_PATIENCE_SECONDS = 120.0
_TOKEN = re.compile(
    r"(?P<version>version\"?:? ?\d+|@\d+)"
    r"|(?P<anything>…)"
    rf"|(?P<label>\b(?:{'|'.join(LABELS)})\b)"
    r"|(?P<number>-?\d[\d.,]*(?:e[-+]?\d+)?,?)"
    r"|(?P<space>\s+)"
)
_TOKEN_PATTERNS = {
    "anything": ".*",
    "label": f"(?:{'|'.join(LABELS)})",
    "number": r"-?\d[\d.,]*(?:e[-+]?\d+)?,?",
    "space": r"\s+",
}


class Walk:
    """A reader's folder and home, in which pages are carried out in their order, each once.

    Args:
        root: an empty folder.
        weights: the folder of pretrained weights, which a home would fetch.
        warm_start: starts the command.
    """

    def __init__(self, root: Path, weights: Path, warm_start: WarmStart) -> None:
        self.folder, self.home = root / "here", root / "home"
        (self.home / ".midrib").mkdir(parents=True)
        (self.home / ".midrib" / "weights").symlink_to(weights)
        _lay_out_pictures(self.folder)
        self._warm_start = warm_start
        self._done: set[Path] = set()
        self._page = README
        self._said: dict[str, str] = {}
        self._server: subprocess.Popen[bytes] | None = None
        self._address = SHOWN_ADDRESS
        self._server_log = root / "server.log"

    def through(self, page: Path) -> None:
        """Carry out the pages up to ``page`` that were not yet carried out."""
        order = in_reading_order()
        for each in order[: order.index(page) + 1]:
            if each not in self._done:
                self._done.add(each)
                self._carry_out(each)

    def close(self) -> None:
        """Stop the server by SIGTERM; it has to end with exit code 0."""
        if self._server is not None:
            self._server.terminate()
            assert self._server.wait(_PATIENCE_SECONDS) == 0, self._server_log.read_text()

    def _carry_out(self, page: Path) -> None:
        found, self._page = fences(page), page
        for fence in found:
            if fence.language == "console":
                for example in examples(fence):
                    self._try(example)
            elif fence.language == "toml" and fence.text.startswith("# "):
                name = fence.text.split("\n", 1)[0].removeprefix("# ")
                (self.folder / name).write_text(fence.text)
        self._run_python([fence for fence in found if fence.language == "python"], page)

    def _try(self, example: Example) -> None:
        words = [
            word
            for written in shlex.split(example.command, comments=True)
            for word in self._expanded(written)
        ]
        if words[:2] == ["midrib", "serve"]:
            self._serve(words[2:])
            return
        if words[:2] == ["midrib", "monitor"]:
            self._until(lambda: any(self.home.glob(".midrib/predictions/*/date=*/*.parquet")))
        said = self._run_once(
            words, fails=any(line.startswith("midrib: ") for line in example.output)
        )
        require_output(example, said)
        if words[:2] in (["midrib", "release"], ["midrib", "rollback"]):
            self._follow(words[2], said)

    def _expanded(self, word: str) -> list[str]:
        """What a shell makes of ``~`` and ``*``."""
        word = word.replace(SHOWN_ADDRESS, self._address)
        if word.startswith("~/"):
            word = str(self.home / word.removeprefix("~/"))
        if "*" not in word:
            return [word]
        pattern = Path(word)
        return sorted(str(path) for path in pattern.parent.glob(pattern.name)) or [word]

    def _run_once(self, words: list[str], *, fails: bool) -> str:
        """What the command says; one that makes the same again is not waited for twice."""
        key = shlex.join(words)
        if key in self._said:
            return self._said[key]
        finished = self._run(words)
        said = finished.stdout
        assert (finished.returncode != 0) == fails, f"$ {key}\n{said}"
        if words[0] == "midrib" and words[1] in {"train", "export"}:
            self._said[key] = said
        return said

    def _run(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        """README's commands start cold, as they do for its reader."""
        if words[0] == "midrib" and self._page != README:
            return self._warm_start.run(
                words[1:], environment=self._environment(), folder=self.folder, joined=True
            )
        return subprocess.run(
            [_program(words[0]), *words[1:]],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def _run_python(self, found: list[Fence], page: Path) -> None:
        if not found:
            return
        script = self.folder / f"{page.stem}.py"
        script.write_text("\n".join(fence.text for fence in found))
        finished = subprocess.run(
            [sys.executable, script.name],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr

    def _serve(self, words: list[str]) -> None:
        if self._server is not None:
            return
        port = _free_port()
        self._address = f"http://127.0.0.1:{port}"
        with self._server_log.open("wb") as log:
            self._server = subprocess.Popen(
                [_program("midrib"), "serve", *words, "--port", str(port)],
                cwd=self.folder,
                env=self._environment(),
                stderr=log,
            )
        server = self._server

        def is_ready() -> bool:
            assert server.poll() is None, self._server_log.read_text()
            return '"event": "ready"' in self._server_log.read_text()

        self._until(is_ready)

    def _follow(self, name: str, said: str) -> None:
        """Wait until the server has followed, so that the next example finds it so."""
        found = re.search(r"version (\d+) is live", said)
        assert found, said
        if self._server is not None:
            url = f"{self._address}/v1/models/{name}"
            self._until(lambda: httpx.get(url).json()["version"] == int(found[1]))

    def _until(self, holds: Callable[[], bool]) -> None:
        until = time.monotonic() + _PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < until, "waited in vain"
            time.sleep(0.05)

    def _environment(self) -> dict[str, str]:
        """The caller's own, with another home and without what would change how midrib acts.

        Offline: which weights 'auto' finds must not depend on where the tests run.
        """
        caches = {"XDG_CACHE_HOME": str(Path.home() / ".cache")}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MIDRIB_")}
        shown = {"COLUMNS": "200", "NO_COLOR": "1", "MIDRIB_OFFLINE": "1"}
        # On busy cores torch's threads spend most of such a small training waiting for each other.
        return {**caches, **kept, **shown, "HOME": str(self.home), "OMP_NUM_THREADS": "1"}


def require_output(example: Example, said: str) -> None:
    """Find the lines of the page in what was said, in their order; others may stand between.

    Numbers and labels may be other ones, and … stands for anything.
    """
    lines = iter(line.strip() for line in said.splitlines())
    for shown in example.output:
        pattern = re.compile(pattern_of(shown.strip()))
        assert any(pattern.fullmatch(line) for line in lines), (
            f"$ {example.command}\nthe page shows\n{shown}\nbut it says\n{said}"
        )


def pattern_of(shown: str) -> str:
    """The pattern of a line that a page shows."""
    parts, end = [], 0
    for token in _TOKEN.finditer(shown):
        parts.append(re.escape(shown[end : token.start()]))
        parts.append(_TOKEN_PATTERNS.get(token.lastgroup or "", re.escape(token[0])))
        end = token.end()
    return "".join([*parts, re.escape(shown[end:])])


def _lay_out_pictures(folder: Path) -> None:
    """Real handwritten digits under the names that the pages speak of."""
    pictures = make_class_folders(
        folder / "my-photos", classes=tuple(_DIGITS.values()), each=30, size=64
    )
    for label, digit in _DIGITS.items():
        (pictures / f"digit-{digit}").rename(pictures / label)
    digits = load_digits()
    unseen = {
        label: [digits.images[place] for place in np.flatnonzero(digits.target == digit)[30:32]]
        for label, digit in _DIGITS.items()
    }
    (folder / "new").mkdir()
    names = ("photo.jpg", "other.png", "new/a.jpg", "new/b.jpg")
    for name, image in zip(names, [*unseen["faulty"], *unseen["good"]], strict=True):
        pixels = (image * 15.9).astype(np.uint8)
        Image.fromarray(pixels).resize((640, 480)).save(folder / name)


def _program(name: str) -> str:
    """The one beside this Python, else the one on the path."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.is_file() else shutil.which(name) or name


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
