"""State goes to JSON and tensors and comes back."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from midrib.errors import TrainingError
from midrib.training.snapshot import in_layout_of, pack, unpack

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.lists(st.floats(width=32, allow_nan=False), max_size=4).map(torch.tensor),
)
STATES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.integers(), st.text()), inner, max_size=4),
    ),
    max_leaves=20,
)


def same(first: object, second: object) -> bool:
    if isinstance(first, Tensor):
        return isinstance(second, Tensor) and torch.equal(first, second)
    if isinstance(first, dict):
        return (
            isinstance(second, dict)
            and list(first) == list(second)
            and all(same(first[key], second[key]) for key in first)
        )
    if isinstance(first, list):
        return (
            isinstance(second, list)
            and len(first) == len(second)
            and all(same(one, other) for one, other in zip(first, second, strict=True))
        )
    return type(first) is type(second) and first == second


@given(STATES)
def test_unpack_is_the_inverse_of_pack(state: object) -> None:
    """Whatever an optimizer may hold comes back from JSON and tensors as it was."""
    structure, tensors = pack(state)
    assert same(state, unpack(json.loads(json.dumps(structure)), tensors))


def test_other_things_are_refused() -> None:
    """A state that would need pickle is refused, naming its place."""
    with pytest.raises(TrainingError, match="/inner"):
        pack({"inner": object()})


def test_layout_follows_the_parameter() -> None:
    """A tensor takes the strides of its parameter and keeps its values."""
    like = torch.zeros(2, 3, 4, 4).to(memory_format=torch.channels_last)
    tensor = torch.randn(2, 3, 4, 4)
    placed = in_layout_of(tensor, like)
    assert placed.stride() == like.stride()
    assert torch.equal(placed, tensor)
