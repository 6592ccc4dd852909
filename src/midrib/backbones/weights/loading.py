"""A file of weights into a network: all that the network has, or an error that names the misfit."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from torch import Tensor, nn

from midrib.backbones.weights.earlier_run import NETWORK
from midrib.backbones.weights.stem import RGB, adapt_stem
from midrib.backbones.weights.tensors import Tensors, read_tensors
from midrib.errors import StorageError

_SHOWN = 3
_WRAPPED = "module."


def load_body(
    network: nn.Module,
    file: Path,
    *,
    in_channels: int = RGB,
    stem: Collection[str] = (),
    resize: Callable[[Tensors], Tensors] | None = None,
) -> None:
    """Load every tensor that ``network`` has; what else the file holds, as a classifier, stays out.

    Args:
        network: without a classifier.
        file: safetensors under the network's own names.
        in_channels: of the network; the first layer of the file is adapted where it has three.
        stem: names of the weights that see the picture.
        resize: brings the tensors of the file to the size of a network that has one alone.

    Raises:
        StorageError: a tensor is missing, of another shape, of integers or not finite, or the file
            is no safetensors.
    """
    tensors = read_tensors(file)
    if resize:
        tensors = resize(tensors)
    expected = network.state_dict()
    for name in stem:
        if name in tensors and name in expected and tensors[name].shape != expected[name].shape:
            tensors[name] = _adapted(tensors[name], expected[name], in_channels)
    missing = [key for key in expected if key not in tensors]
    unfit = [key for key in expected if key in tensors and not _fits(tensors[key], expected[key])]
    if missing or unfit:
        first = [f"{key} is missing" for key in missing[:_SHOWN]]
        first += [_misfit(key, tensors[key], expected[key]) for key in unfit[:_SHOWN]]
        raise StorageError(
            f"{file} does not fit: {len(missing)} tensors missing, {len(unfit)} of another shape "
            "or kind: " + ", ".join(first),
            expected="weights of the same backbone",
            todo=_hint(tensors) or "name another file, or start with --weights none",
        )
    network.load_state_dict({key: tensors[key] for key in expected})


def _adapted(weight: Tensor, expected: Tensor, in_channels: int) -> Tensor:
    """The stem for other channels, where three channels are all that keeps it from fitting."""
    fits = weight.shape[0] == expected.shape[0] and weight.shape[2:] == expected.shape[2:]
    folded = weight.ndim > 1 and weight.shape[1] * in_channels == expected.shape[1] * RGB
    return adapt_stem(weight, in_channels) if fits and folded else weight


def _fits(found: Tensor, expected: Tensor) -> bool:
    """Whether shapes are equal and no integers, as of a quantized file, stand for weights."""
    counts_alone = expected.is_floating_point() and not found.is_floating_point()
    return found.shape == expected.shape and not counts_alone


def _hint(tensors: Tensors) -> str:
    """What to do about a file whose names stand behind a prefix; empty where they do not."""
    if any(name.startswith(NETWORK) for name in tensors):
        return "this is a run's file: give the run's folder"
    if any(name.startswith(_WRAPPED) for name in tensors):
        return f"its names begin with '{_WRAPPED}', as DataParallel writes them: save it without"
    return ""


def _misfit(key: str, found: Tensor, expected: Tensor) -> str:
    if found.shape == expected.shape:
        return f"{key} holds integers instead of weights"
    return f"{key} is {_shape(found)} instead of {_shape(expected)}"


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a single number"
