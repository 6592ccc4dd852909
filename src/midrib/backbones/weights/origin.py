"""What a backbone starts from, and where that comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Weights:
    """Where a backbone's weights come from and what they may be used under.

    ``source`` is what to write after ``--weights`` to get exactly these again, whatever the network
    does meanwhile, and ``sha256`` the hash of the file as it was published, before a conversion.
    The defaults are those of a random start.
    """

    origin: str
    licence: str
    source: str = "none"
    sha256: str = ""


NO_WEIGHTS = Weights(origin="none: random start", licence="none")


@dataclass(frozen=True)
class Start:
    """What a backbone starts from.

    ``file`` is safetensors under the names of the library's own model, with or without its
    classifier; None is a random start.
    """

    file: Path | None
    weights: Weights


RANDOM_START = Start(None, NO_WEIGHTS)
