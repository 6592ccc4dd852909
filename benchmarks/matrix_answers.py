"""Whether a file answers like the model that it was exported from, in each engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from midrib.engines import ENGINES, Engine, EngineOptions
from midrib.exporting import certify
from midrib.packages.card import EMBEDDING_OUTPUT
from midrib.tasks import TaskModel
from midrib.training.examples import Examples

LARGEST_ERROR = 1e-3
"""Of an output, relative to its largest value: what `midrib export` allows a probability."""

TIMES_OWN = 10.0
"""How often the model's own error in 32 bit is allowed where that is more: a network with random
weights can multiply roundings until a thousandth is nothing."""

_MEAN_SHARE = 0.1
"""Of a channel's mean, what its normalisation takes away. Taking all of it lets a deep network
with random weights multiply every rounding, layer by layer, until nothing can be compared."""

Answers = Mapping[str, NDArray[Any]]
"""What a model answers for several pictures, by the names of its outputs."""


def answered_alike(
    model: TaskModel, file: Path, examples: Examples, pictures: Tensor
) -> dict[str, Any]:
    """By engine, how far the file's answers are from the model's.

    Outputs are compared number by number with those of the model in 64 bit. Where candidates stand
    in the order of their scores only the embedding is, and of the candidates the objects that they
    come to, as `midrib export` compares them; ``objects`` tells of how many.

    Raises:
        AssertionError: an engine answers unlike the model.
        ParityError: it finds other objects.
    """
    engines = {name: ENGINES.get(name)(file, EngineOptions(threads=1)) for name in ENGINES}
    objects = None
    if model.ranked:
        recipe, items = examples.recipe, examples.items
        objects = min(certify(model, each, recipe, items).objects for each in engines.values())
    exact, rounded = _exact(model, pictures)
    own = {name: _distance(rounded[name], exact[name]) for name in exact}
    errors = {
        name: _require_near(name, _asked(engine, model, pictures), exact, own)
        for name, engine in engines.items()
    }
    return {"objects": objects, "errors": errors}


@torch.inference_mode()
def settle(model: TaskModel, pictures: Tensor) -> None:
    """Give every batch normalisation, first to last, statistics of these pictures.

    Those of one step of training leave a random network's values growing beyond all.
    """

    def settle_one(norm: nn.modules.batchnorm._BatchNorm, given: tuple[Tensor]) -> None:
        if norm.running_mean is None or norm.running_var is None:
            return  # it keeps none
        axes = [axis for axis in range(given[0].ndim) if axis != 1]
        mean = _MEAN_SHARE * given[0].mean(axes)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_((given[0] - _as_channels(mean, given[0])).square().mean(axes))

    served = model.served().eval()
    norms = [
        module
        for module in model.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)  # noqa: SLF001 - there is no other name for all of them
    ]
    hooks = [norm.register_forward_pre_hook(settle_one) for norm in norms]
    served(pictures)
    for hook in hooks:
        hook.remove()


def _as_channels(values: Tensor, like: Tensor) -> Tensor:
    return values.view(1, -1, *[1] * (like.ndim - 2))


def _exact(model: TaskModel, pictures: Tensor) -> tuple[Answers, Answers]:
    """What is compared: of the model in 64 bit, and of the same in 32 bit.

    Of one whose candidates stand in the order of their scores it is the embedding alone, in 32
    bit and in another layout.
    """
    plain = _told(model, pictures)
    if not model.ranked:
        return _told(model.double(), pictures), plain
    other = _told(model.to(memory_format=torch.channels_last), pictures)
    return {EMBEDDING_OUTPUT: plain[EMBEDDING_OUTPUT]}, other


@torch.inference_mode()
def _told(model: TaskModel, pictures: Tensor) -> Answers:
    answered = model.served().eval()(pictures)
    return dict(zip(model.outputs, (each.numpy() for each in answered), strict=True))


def _asked(engine: Engine, model: TaskModel, pictures: Tensor) -> Answers:
    """The file's answers, for one picture after the other where it takes no more at once."""
    counts = len(pictures) if model.dynamic_batch else 1
    outputs = [engine.run(batch.numpy()) for batch in torch.split(pictures, counts)]
    return {
        name: np.concatenate([getattr(each, name) for each in outputs]) for name in model.outputs
    }


def _require_near(engine: str, found: Answers, exact: Answers, own: Mapping[str, float]) -> float:
    """The largest difference of any output, relative to its largest value."""
    errors = {name: _distance(found[name], exact[name]) for name in exact}
    for name, error in errors.items():
        allowed = max(LARGEST_ERROR, TIMES_OWN * own[name])
        if not error <= allowed:
            raise AssertionError(
                f"{engine} answers unlike the model: error of the {name} {error:.2g}, "
                f"at most {allowed:.2g} is allowed"
            )
    return max(errors.values())


def _distance(found: NDArray[Any], exact: NDArray[Any]) -> float:
    return float(np.abs(found - exact).max() / np.abs(exact).max())
