"""SqueezeNet 1.1 as the package 'ndf' carries it: a pickle of NumPy arrays, read as nothing else.

Its kernels lie as height × width × input × output and expect blue, green, red from 0 to 255 minus
the means of Caffe's reference models. The first convolution is changed so that it takes what
torchvision's models take. Two differences are left, of which only cells at the border of the maps
see anything: the original pads the first convolution by one pixel and rounds sizes down when it
pools, torchvision's does not pad it and rounds up.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Kernels = dict[str, list[npt.NDArray[np.float32]]]
"""Layer to its kernel, height × width × input × output, and its bias."""

_MEAN_RGB = np.array([0.485, 0.456, 0.406])
_STD_RGB = np.array([0.229, 0.224, 0.225])
_CAFFE_MEAN_RGB = np.array([122.679, 116.669, 104.006])
_WHITE = 255.0

_PLACES = {"conv1": "features.0", "conv10": "classifier.1"}
_FIRES = {"fire2": 3, "fire3": 4, "fire4": 6, "fire5": 7, "fire6": 9, "fire7": 10}
_FIRES |= {"fire8": 11, "fire9": 12}


def _new_array(kind: type, shape: tuple[int, ...], _code: bytes) -> npt.NDArray[Any]:
    """An empty array that the pickle then fills, in place of NumPy's private function for it."""
    if kind is not np.ndarray or shape != (0,):
        raise pickle.UnpicklingError(f"{kind} of shape {shape} is no plain array")
    return np.ndarray(0, np.int8)


ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _new_array,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}
"""All that the pickle may name: what rebuilds an array of numbers."""


class ArrayUnpickler(pickle.Unpickler):
    """Reads arrays, lists, tables, texts and numbers, and nothing that could run code."""

    def find_class(self, module: str, name: str) -> Any:
        """What the pickle names, if it is allowed. Raises ``UnpicklingError``."""
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a file of arrays")
        return ALLOWED[module, name]


def read_kernels(stream: BinaryIO) -> Kernels:
    """The arrays in a pickle. Raises ``UnpicklingError`` for anything else."""
    kernels: Kernels = ArrayUnpickler(stream).load()
    return kernels


def to_torchvision(kernels: Kernels) -> dict[str, npt.NDArray[np.float32]]:
    """Kernels and biases under the names and in the layout of torchvision's ``squeezenet1_1``."""
    tensors = {}
    for layer, (kernel, bias) in kernels.items():
        tensors[f"{_place(layer)}.weight"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
        tensors[f"{_place(layer)}.bias"] = bias
    return tensors | _for_imagenet_normalisation(tensors["features.0.weight"], kernels["conv1"][1])


def read_squeezenet(file: Path) -> dict[str, npt.NDArray[np.float32]]:
    """The weights in the package's file as `to_torchvision` gives them."""
    with file.open("rb") as stream:
        return to_torchvision(read_kernels(stream))


def _place(layer: str) -> str:
    fire, _, part = layer.partition("/")
    if not part:
        return _PLACES[layer]
    return f"features.{_FIRES[fire]}.{'squeeze' if part == 'squeeze1x1' else part}"


def _for_imagenet_normalisation(
    weight: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]
) -> dict[str, npt.NDArray[np.float32]]:
    """The same first convolution for red, green, blue in ImageNet's normalisation.

    With n = (p / 255 - mean) / std the original's input is 255 std n + 255 mean - Caffe's mean.
    """
    scale = _WHITE * _STD_RGB
    shift = _WHITE * _MEAN_RGB - _CAFFE_MEAN_RGB
    rgb = weight[:, ::-1].astype(np.float64)
    moved = bias + np.einsum("oihw,i->o", rgb, shift)
    scaled = rgb * scale[:, None, None]
    return {
        "features.0.weight": scaled.astype(np.float32),
        "features.0.bias": moved.astype(np.float32),
    }
