"""Maps brought to their size, and levels that are added."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from midrib.backbones import PyramidLevels, create_backbone
from midrib.backbones.interface import Level
from midrib.backbones.pyramid.alignment import align, aligned_size
from midrib.errors import UsageError


@given(
    found=some.tuples(some.integers(1, 9), some.integers(1, 9)),
    wanted=some.tuples(some.integers(1, 12), some.integers(1, 12)),
)
def test_alignment_gives_the_size_and_invents_nothing(
    found: tuple[int, int], wanted: tuple[int, int]
) -> None:
    """A map of any size becomes one of the wanted size, of the cells that it had alone."""
    cells = torch.arange(found[0] * found[1]).float().reshape(1, 1, *found)
    aligned = align(cells, *wanted)
    assert aligned.shape[-2:] == wanted
    assert set(aligned.flatten().tolist()) <= set(cells.flatten().tolist())


def test_what_the_border_lost_is_given_back_evenly() -> None:
    """A map that lost a cell on both sides keeps every cell over the pixels that it saw."""
    cells = torch.arange(5.0).reshape(1, 1, 1, 5)
    assert align(cells, 1, 7).flatten().tolist() == [0, 0, 1, 2, 3, 4, 4]
    assert align(cells, 1, 4).flatten().tolist() == [0, 1, 2, 3]
    assert aligned_size(97, 32) == 4


def test_levels_that_lack_are_added() -> None:
    """Coarser maps come from the coarsest, finer ones from the finest, and both are said."""
    levels = PyramidLevels(create_backbone("squeezenet-1.1", weights="none"), (2, 8, 16, 32, 64))
    assert levels.added == (32, 64)
    assert levels.levels[-1] == Level(64, 256)
    assert levels.describe()[-1] == "stride 64: 256 channels, added"
    maps = levels.eval()(torch.zeros(1, 3, 97, 131))
    expected = [(-(-97 // stride), -(-131 // stride)) for stride in (2, 8, 16, 32, 64)]
    assert [tuple(found.shape[-2:]) for found in maps] == expected
    assert [found.shape[1] for found in maps] == [level.channels for level in levels.levels]


def test_finer_levels_are_added_to_a_transformer() -> None:
    """A plain ViT gets maps four times as fine and twice as coarse as its own, all trainable."""
    vit = create_backbone("timm:test_vit", weights="none")
    levels = PyramidLevels(vit, (4, 8, 16, 32))
    assert levels.added == (4, 8, 32)
    own = vit.facts.levels[0].channels
    assert [level.channels for level in levels.levels] == [own // 4, own // 2, own, 256]
    maps = levels(torch.randn(2, 3, *vit.facts.native_size))
    sum(found.square().mean() for found in maps).backward()
    assert all(each.grad is not None for each in levels.additions.parameters())


@pytest.mark.parametrize("stride", [2, 12, 3])
def test_levels_that_cannot_be_had_are_refused(stride: int) -> None:
    """A stride too fine, or one that no doubling gives, is refused with those that there are."""
    vit = create_backbone("timm:test_vit", weights="none")
    with pytest.raises(UsageError, match=r"own strides \(16\)"):
        PyramidLevels(vit, (stride,))
