"""Nested state to JSON and tensors, and back: what lets checkpoints do without pickle."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from midrib.errors import TrainingError

_TENSOR = "__tensor__"
_TABLE = "__table__"


def pack(value: Any) -> tuple[Any, dict[str, Tensor]]:
    """Split nested state into JSON-ready structure and named tensors.

    Taken are dicts, lists, tuples, numbers, strings, None and tensors. Tables keep keys that are
    no strings; tuples come back as lists.
    Raises ``TrainingError`` for anything else.
    """
    tensors: dict[str, Tensor] = {}

    def visit(node: Any, place: str) -> Any:
        if isinstance(node, Tensor):
            tensors[place] = node.detach().to("cpu").contiguous()
            return {_TENSOR: place}
        if isinstance(node, dict):
            pairs = [[key, visit(child, f"{place}/{key}")] for key, child in node.items()]
            return {_TABLE: pairs}
        if isinstance(node, (list, tuple)):
            return [visit(child, f"{place}/{index}") for index, child in enumerate(node)]
        if node is None or isinstance(node, (bool, int, float, str)):
            return node
        raise TrainingError(
            f"the state at {place} is a {type(node).__name__}",
            expected="tables, lists, numbers, strings or tensors",
            todo="choose an optimizer whose state is plain",
        )

    return visit(value, ""), tensors


def unpack(structure: Any, tensors: dict[str, Tensor]) -> Any:
    """The inverse of `pack`."""
    if isinstance(structure, dict):
        if _TENSOR in structure:
            return tensors[structure[_TENSOR]]
        return {key: unpack(child, tensors) for key, child in structure[_TABLE]}
    if isinstance(structure, list):
        return [unpack(child, tensors) for child in structure]
    return structure


def in_layout_of(tensor: Tensor, like: Tensor) -> Tensor:
    """``tensor`` with the strides of ``like`` when their shapes agree.

    Element-wise kernels take other paths for other strides, and the last bit with them.
    """
    if tensor.shape != like.shape:
        return tensor
    return torch.empty_like(like, dtype=tensor.dtype).copy_(tensor)
