"""The contract of every backbone: one of each family always, all of them on demand."""

from __future__ import annotations

import copy
import random
from functools import lru_cache

import pytest
import timm

from midrib.backbones import CATALOGUE, Backbone, create_backbone
from midrib.backbones.adapters.timm_backbone import measure_timm
from midrib.backbones.adapters.torchvision_models import model_names
from midrib.backbones.listing.listed import plugins
from midrib.testing.backbones import (
    BackboneBehaviour,
    BackboneContract,
    BackboneExport,
    BackboneMaker,
)

ONE_OF_EACH_FAMILY = [
    "alexnet",
    "vgg16",
    "resnet18",
    "resnext50",
    "googlenet",
    "darknet19",
    "mobilenet-v3-small",
    "squeezenet-1.1",
    "efficientnet-b0",
    "efficientnet-lite0",
    "shufflenet-v2-x0.5",
    "timm:test_vit",
]
EXPORTED = ["alexnet", "resnet18", "squeezenet-1.1", "timm:test_vit"]
"""Aligned by padding, by cropping and not at all, with attention; the matrix has every family."""

SAMPLE = 40
MOST_PARAMETERS = 400_000_000
MOST_MULTIPLY_ADDS = 100_000_000_000
"""Larger networks, at the one size that they take, do not fit the machines that test."""


@lru_cache(maxsize=3)
def kept(name: str, channels: int) -> Backbone:
    return create_backbone(name, weights="none", in_channels=channels)


def maker(name: str) -> BackboneMaker:
    """Makes equal backbones without tracing and initialising each time."""
    return lambda channels: copy.deepcopy(kept(name, channels))


@pytest.fixture(scope="module", params=ONE_OF_EACH_FAMILY)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestOneOfEachFamily(BackboneBehaviour):
    @pytest.fixture
    def make(self, family: str) -> BackboneMaker:
        return maker(family)


@pytest.fixture(scope="module", params=EXPORTED)
def exported(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestExport(BackboneExport):
    @pytest.fixture
    def make(self, exported: str) -> BackboneMaker:
        return maker(exported)


def test_every_family_is_checked() -> None:
    """No family of the catalogue is left out."""
    checked = {CATALOGUE[name].family for name in ONE_OF_EACH_FAMILY if name in CATALOGUE}
    assert checked == {entry.family for entry in CATALOGUE.values()}


def sample(names: list[str]) -> list[str]:
    """Some names, always the same while the library has the same models."""
    return sorted(random.Random(0).sample(sorted(names), SAMPLE))


@pytest.fixture(
    scope="module",
    params=[
        *CATALOGUE,
        *plugins(),
        *(f"timm:{name}" for name in sample(timm.list_models())),
        *(f"torchvision:{name}" for name in sample(model_names())),
    ],
)
def any_name(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if name.startswith("timm:"):
        found = measure_timm(name.removeprefix("timm:"))
        if found.parameters > MOST_PARAMETERS:
            pytest.skip(f"{found.parameters} parameters are more than {MOST_PARAMETERS}")
        if not found.resizable and found.multiply_adds > MOST_MULTIPLY_ADDS:
            pytest.skip(f"{found.multiply_adds} multiply-adds are more than {MOST_MULTIPLY_ADDS}")
    return name


@pytest.mark.soak
@pytest.mark.timeout(3000)
class TestEveryName(BackboneContract):
    @pytest.fixture
    def make(self, any_name: str) -> BackboneMaker:
        return maker(any_name)
