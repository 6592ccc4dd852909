"""What was measured before, kept by everything that it depends on."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from midrib.config import fingerprint
from midrib.engines import ENGINES
from midrib.errors import StorageError, UsageError
from midrib.machine import machine_fingerprint
from midrib.selection.building import FACTS_FILE
from midrib.selection.cells import INT8, Cell
from midrib.selection.config import EAGER, CostConfig
from midrib.selection.records import Facts, Findings
from midrib.storage import read_json, storage_errors, write_json

R = TypeVar("R", bound=BaseModel)

_MAKERS = ("midrib", "torch", "torchvision", "timm", "onnx", "onnxscript")
_KEY_DIGITS = 16


class KeptCosts:
    """Findings by cell and built files by backbone, under one folder.

    Args:
        folder: everything lies in it; made when it is missing.
        config: what findings and files depend on besides backbone, machine and libraries.
    """

    def __init__(self, folder: Path, config: CostConfig) -> None:
        self._folder, self._config = folder, config
        self._machine, self._makers = machine_fingerprint(), library_versions(_MAKERS)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from measuring meanwhile. Raises ``UsageError`` when others do already."""
        with storage_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._folder / "lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise UsageError(
                    "costs are being measured here already",
                    expected="one measurement at a time: two would slow each other",
                    todo="wait for the other one, or stop it",
                ) from None
        try:
            yield
        finally:
            lock.release()

    def findings(self, cell: Cell) -> Findings:
        """What is kept of a cell; empty when it was never measured like this."""
        return _read(self._file(cell), Findings) or Findings()

    def keep(self, cell: Cell, findings: Findings) -> None:
        """Write down what was found. Raises ``StorageError``."""
        write_json(self._file(cell), findings.model_dump())

    def forget(self, cell: Cell) -> None:
        """Measure a cell anew from now on."""
        self._file(cell).unlink(missing_ok=True)

    def facts(self, backbone: str) -> Facts | None:
        """What is known of a backbone; None when it was never built like this."""
        return _read(self.built(backbone) / FACTS_FILE, Facts)

    def built(self, backbone: str) -> Path:
        """The folder for the files of a backbone."""
        key = fingerprint([backbone, self._config.size, self._makers, library_versions(("nncf",))])
        return self._folder / "built" / f"{_slug(backbone)}-{key[:_KEY_DIGITS]}"

    def discard_models(self, backbone: str) -> None:
        """Free the disk of a backbone's models; what is known of it stays."""
        for file in self.built(backbone).glob("*.onnx"):
            file.unlink()

    def _file(self, cell: Cell) -> Path:
        config = self._config.model_dump(include={"size", "batch", "threads", "device", "seconds"})
        versions = self._makers | {"python": platform.python_version()}
        if cell.engine != EAGER:
            versions["engine"] = ENGINES.get(cell.engine).version()
        if cell.precision == INT8:
            versions |= library_versions(("nncf",))
        key = fingerprint([str(cell), config, self._machine, versions])
        name = f"{cell.engine}-{cell.precision}-{key[:_KEY_DIGITS]}.json"
        return self._folder / "cells" / _slug(cell.backbone) / name


def library_versions(names: tuple[str, ...]) -> dict[str, str]:
    """The versions of those libraries that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _read(path: Path, kind: type[R]) -> R | None:
    """What is kept there; a file that is missing, broken or of another midrib counts as none."""
    try:
        return kind.model_validate(read_json(path))
    except (StorageError, ValidationError):
        return None


def _slug(backbone: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", backbone)
