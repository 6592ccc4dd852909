"""What answers: head, loss and decoding of each task, over any backbone.

What needs torch is loaded on first use, so that algorithms can be listed at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from midrib.tasks.algorithms import ALGORITHMS, Algorithm

if TYPE_CHECKING:
    from midrib.tasks.classification import Classifier, ServedClassifier
    from midrib.tasks.losses import LOSSES, create_loss

__all__ = [
    "ALGORITHMS",
    "LOSSES",
    "Algorithm",
    "Classifier",
    "ServedClassifier",
    "create_loss",
]

_CLASSIFICATION = frozenset({"Classifier", "ServedClassifier"})


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = "classification" if name in _CLASSIFICATION else "losses"
    return getattr(import_module(f"{__name__}.{room}"), name)
