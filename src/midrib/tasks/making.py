"""From an algorithm's name to its model."""

from __future__ import annotations

from importlib import import_module

from midrib.errors import UsageError
from midrib.tasks.algorithms import ALGORITHMS
from midrib.tasks.interface import ModelRequest, TaskModel


def make_model(algorithm: str, request: ModelRequest) -> TaskModel:
    """The model of ``algorithm``. Raises ``UnknownNameError``, and ``UsageError`` without maker."""
    module, _, name = ALGORITHMS.get(algorithm).maker.partition(":")
    if not name:
        raise UsageError(
            f"the algorithm '{algorithm}' does not say what makes it",
            expected="a maker, as 'module:function'",
            todo="name it where the algorithm is registered",
        )
    model = getattr(import_module(module), name)(request)
    if not isinstance(model, TaskModel):
        raise UsageError(
            f"the algorithm '{algorithm}' makes a {type(model).__name__}",
            expected="a midrib.tasks.TaskModel",
            todo="mend its maker",
        )
    return model
