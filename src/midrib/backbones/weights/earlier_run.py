"""The backbone of an earlier run of ours as weights to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from midrib.backbones.weights.origin import Start, Weights
from midrib.errors import StorageError, UsageError
from midrib.settings import Settings
from midrib.storage import file_sha256, read_json, written_aside

RECORD_FILE = "run.json"
BEST_FILE = "best.safetensors"
"""The averaged weights of a run's best epoch."""

NETWORK = "backbone.model."
"""What the library's own names stand behind in the files of a run."""


def run_folder(wanted: str, settings: Settings) -> Path | None:
    """The folder of the run that is meant: its path, or its name below the home folder."""
    for folder in (Path(wanted).expanduser(), settings.runs / wanted):
        if (folder / RECORD_FILE).is_file():
            return folder.absolute()
    return None


def best_file(run: Path) -> Path:
    """The weights of a run. Raises ``UsageError`` while it has none."""
    file = run / BEST_FILE
    if not file.is_file():
        raise UsageError(
            f"{run} has no weights yet",
            expected="a run that has finished an epoch",
            todo="let 'midrib train' finish it first",
        )
    return file


def run_start(run: Path, settings: Settings) -> Start:
    """The network of a run's backbone under the library's own names.

    Raises ``UsageError`` while the run has no weights, ``StorageError`` when they are damaged.
    """
    file = best_file(run)
    sha256 = file_sha256(file)
    record: dict[str, Any] = read_json(run / RECORD_FILE)
    network = settings.weights / "runs" / f"{run.name}-{sha256[:12]}.safetensors"
    if not network.is_file():
        _extract(file, network)
    weights = Weights(
        origin=f"run: {run.name}",
        licence=str(record.get("weights_licence", "as its owner says")),
        source=run.name if run.parent == settings.runs else str(run),
        sha256=sha256,
    )
    return Start(network, weights)


def _extract(file: Path, target: Path) -> None:
    from safetensors.torch import save_file

    from midrib.backbones.weights.tensors import read_tensors

    tensors = {
        name.removeprefix(NETWORK): tensor
        for name, tensor in read_tensors(file).items()
        if name.startswith(NETWORK)
    }
    if not tensors:
        raise StorageError(
            f"{file} holds no tensor of a backbone",
            expected=f"names that begin with '{NETWORK}'",
            todo="name the folder of another run",
        )
    with written_aside(target) as aside:
        save_file(tensors, aside)
