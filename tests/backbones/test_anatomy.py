"""Stages of backbones, and which maps can be had of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midrib.backbones.adapters.probing import on_meta
from midrib.backbones.interface import Backbone
from midrib.backbones.listing.anatomy import Anatomy, take_apart
from midrib.backbones.pyramid.strides import source_of
from midrib.backbones.registry import create_backbone
from midrib.errors import UsageError

ONE_OF_EACH_KIND = [
    "resnet18",
    "googlenet",
    "squeezenet-1.1",
    "shufflenet-v1",
    "efficientnet-lite0",
    "timm:vit_tiny_patch16_224",
    "timm:swin_tiny_patch4_window7_224",
    "torchvision:swin_t",
]


def made(name: str) -> Backbone:
    return on_meta(lambda: create_backbone(name, weights="none")).eval()


def maps(anatomy: Anatomy) -> list[tuple[int | None, int, int]]:
    return [(stage.stride, stage.channels, stage.height) for stage in anatomy.stages]


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_stages_add_up(name: str) -> None:
    """Parameters and multiply-adds of the stages are those of the whole, whatever the network."""
    backbone = made(name)
    found = take_apart(backbone)
    held = sum(stage.parameters for stage in found.stages)
    assert held + found.loose_parameters == backbone.facts.parameters
    assert found.multiply_adds == backbone.facts.multiply_adds
    assert found.loose_parameters <= backbone.facts.parameters / 50
    strides = {level.stride: level.channels for level in backbone.facts.levels}
    for stage in found.stages:
        if stage.stride:
            assert -(-found.height // stage.stride) - stage.height in {0, 1}
            assert stage.width == stage.height
            assert stage.cells == stage.height * stage.width
    told = {stage.stride for stage in found.stages if stage.stride}
    assert told <= strides.keys()


def test_resnet18_is_its_paper() -> None:
    """Channels, maps and multiply-adds of ResNet-18's stages are those of arXiv 1512.03385."""
    found = take_apart(made("resnet18"))
    assert maps(found) == [(2, 64, 112), (4, 64, 56), (8, 128, 28), (16, 256, 14), (32, 512, 7)]
    later = 28 * 28 * 128 * (9 * 64 + 64 + 3 * 9 * 128)
    assert [stage.multiply_adds for stage in found.stages] == [
        112 * 112 * 64 * 3 * 49,
        56 * 56 * 4 * 9 * 64 * 64,
        *[later] * 3,
    ]
    assert found.stages[1].parameters == 4 * (9 * 64 * 64 + 2 * 64)


def test_joined_branches_are_seen() -> None:
    """Channels of a traced network's map are those of all its branches together."""
    found = take_apart(made("googlenet"))
    assert maps(found)[-3:] == [(8, 480, 28), (16, 832, 14), (32, 1024, 7)]


def test_tokens_are_no_map() -> None:
    """A transformer's stages tell their tokens, and neither stride nor height."""
    found = take_apart(made("timm:vit_tiny_patch16_224"))
    assert {(stage.stride, stage.height) for stage in found.stages} == {(None, 0)}
    assert [stage.cells for stage in found.stages] == [196] + [197] * 13
    assert found.loose_parameters == 192 * (197 + 1)  # positions and the class token


def test_another_size_costs_what_it_costs() -> None:
    """At twice the height and width convolutions cost four times as much."""
    backbone = made("darknet19")
    small, large = (take_apart(backbone, (side, side)) for side in (96, 192))
    assert [stage.multiply_adds * 4 for stage in small.stages] == [
        stage.multiply_adds for stage in large.stages
    ]
    assert maps(large)[-1] == (32, 1024, 6)


def test_a_size_that_is_too_small_is_refused() -> None:
    """A picture that the strides leave nothing of is refused with the smallest that works."""
    backbone = made("alexnet")
    with pytest.raises(UsageError, match="63"):
        take_apart(backbone, (62, 62))
    assert take_apart(backbone, (63, 63)).stages


STRIDES = [1, 2, 3, 4, 7, 8, 14, 16, 28, 32, 64]


@given(st.lists(st.sampled_from(STRIDES), unique=True, max_size=5), st.sampled_from(STRIDES))
def test_a_map_is_had_by_doublings_alone(own: list[int], stride: int) -> None:
    """A map is the backbone's own, its coarsest halved again, or one made finer twice at most."""
    own = sorted(own)
    coarser = {own[-1] * 2**times for times in range(1, 8)} if own else set()
    finer = [place for place, each in enumerate(own) if each in {stride * 2, stride * 4}]
    place = source_of(stride, own)
    if stride in own:
        assert place == own.index(stride)
    elif stride in coarser:
        assert place == len(own) - 1
    else:
        assert place == (finer[0] if finer else None)
