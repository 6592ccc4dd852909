"""Parameters and multiply-adds: as published, and as the committed file says."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
import torchvision
from torch import nn

from midrib.backbones import CATALOGUE
from midrib.backbones.adapters.probing import meta_pictures, on_meta
from midrib.backbones.adapters.torchvision_models import create_torchvision_model
from midrib.backbones.listing.costs import multiply_adds, parameters
from midrib.backbones.listing.counted import read_counts
from midrib.backbones.listing.counting import count, published_network
from midrib.backbones.weights.stem import RGB

# Millions of parameters, to three digits, and 10⁹ multiply-adds at 224 × 224 or as said.
PUBLISHED_PARAMETERS = {
    "alexnet": 61.101,
    "vgg16": 138.358,
    "vgg19": 143.667,
    "resnet18": 11.690,
    "resnet34": 21.798,
    "resnet50": 25.557,
    "resnet101": 44.549,
    "resnet152": 60.193,
    "resnext50": 25.029,
    "googlenet": 6.625,
    "darknet19": 20.842,
    "darknet53": 41.610,
    "mobilenet-v1": 4.232,
    "mobilenet-v2": 3.505,
    "squeezenet-1.0": 1.248,
    "squeezenet-1.1": 1.235,
    "efficientnet-b0": 5.289,
    "efficientnet-b1": 7.794,
    "efficientnet-b2": 9.110,
    "efficientnet-b3": 12.233,
    "efficientnet-b4": 19.342,
    "efficientnet-b5": 30.390,
    "efficientnet-b6": 43.041,
    "efficientnet-b7": 66.348,
    "shufflenet-v1": 1.866,
    "shufflenet-v2-x0.5": 1.367,
    "shufflenet-v2-x1.0": 2.279,
    "shufflenet-v2-x1.5": 3.504,
    "shufflenet-v2-x2.0": 7.394,
}
PUBLISHED_MULTIPLY_ADDS = {
    "alexnet": 0.71,
    "vgg16": 15.47,
    "vgg19": 19.63,
    "resnet18": 1.81,
    "resnet34": 3.66,
    "resnet50": 4.09,
    "resnet101": 7.80,
    "resnet152": 11.51,
    "resnext50": 4.23,
    "googlenet": 1.50,
    "darknet53": 7.13,
    "mobilenet-v1": 0.58,
    "mobilenet-v2": 0.30,
    "squeezenet-1.0": 0.82,
    "squeezenet-1.1": 0.35,
    "efficientnet-b0": 0.39,
    "shufflenet-v2-x0.5": 0.04,
    "shufflenet-v2-x1.0": 0.145,
    "shufflenet-v2-x1.5": 0.296,
    "shufflenet-v2-x2.0": 0.583,
}
# Size, millions of parameters and of multiply-adds, as in the README of EfficientNet-Lite
# (github.com/tensorflow/tpu, models/official/efficientnet/lite).
LITE_README = {
    "efficientnet-lite0": (224, 4.7, 407),
    "efficientnet-lite1": (240, 5.4, 631),
    "efficientnet-lite2": (260, 6.1, 899),
    "efficientnet-lite3": (280, 8.2, 1440),
    "efficientnet-lite4": (300, 13.0, 2640),
}
# Size, millions of parameters and 10⁹ multiply-adds, as in timm's
# results/benchmark-infer-fp32-nchw-pt240-cpu-i7_12700h-dynamo.csv.
TIMM_TABLE = {
    "efficientnet-lite0": (224, 4.65, 0.40),
    "efficientnet-lite1": (240, 5.42, 0.62),
    "efficientnet-lite2": (260, 6.09, 0.89),
    "efficientnet-lite3": (300, 8.20, 1.65),
    "efficientnet-lite4": (380, 13.01, 4.04),
    "inception-v3": (299, 23.83, 5.73),
    "inception-resnet-v2": (299, 55.84, 13.18),
    "mobilenet-v3-small": (224, 2.54, 0.06),
    "mobilenet-v3-large": (224, 5.48, 0.23),
    "resnext101": (224, 88.79, 16.48),
}
COUNTED_AGAIN = 5


@dataclass(frozen=True)
class Counted:
    """A published network, counted: what others count too is told apart.

    ``normalised``: numbers out of batch normalisation, ``pooled``: numbers into average pooling.
    """

    parameters: int
    multiply_adds: int
    normalised: int
    pooled: int


def counted(name: str, size: int) -> Counted:
    network = on_meta(lambda: published_network(name)).eval()
    normalised: list[int] = []
    pooled: list[int] = []
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(lambda _, __, given: normalised.append(given.numel()))
        if isinstance(module, nn.AdaptiveAvgPool2d):
            module.register_forward_hook(lambda _, taken, __: pooled.append(taken[0].numel()))
    found = multiply_adds(network, meta_pictures(RGB, size, size))
    return Counted(parameters(network), found, sum(normalised), sum(pooled))


def test_every_backbone_is_counted() -> None:
    """The file has every name of the catalogue and no other, in the same order."""
    assert list(read_counts()) == list(CATALOGUE)


def test_parameters_are_the_published_ones() -> None:
    """Parameters with the classifier equal the published ones to the last digit."""
    counts = read_counts()
    found = {name: counts[name].published_parameters for name in PUBLISHED_PARAMETERS}
    millions = {name: round(count / 1e6, 3) for name, count in found.items()}
    assert millions == PUBLISHED_PARAMETERS
    assert round(counts["inception-resnet-v2"].published_parameters / 1e6, 2) == 55.84


def test_multiply_adds_are_the_published_ones() -> None:
    """Multiply-adds at 224 × 224, or at 299 × 299, are within 2 % of the published ones."""
    counts = read_counts()
    for name, published in PUBLISHED_MULTIPLY_ADDS.items():
        found = counts[name].published_multiply_adds_at_224 / 1e9
        assert found == pytest.approx(published, rel=0.02), name
    at_299 = counts["inception-resnet-v2"].published_multiply_adds / 1e9
    assert at_299 == pytest.approx(13.18, rel=0.02)


@pytest.mark.parametrize(
    "name", [entry.name for entry in CATALOGUE.values() if entry.source == "torchvision"]
)
def test_counts_equal_those_of_torchvision(name: str) -> None:
    """Parameters equal what torchvision says of its weights, multiply-adds to its three digits."""
    weights = next(iter(torchvision.models.get_model_weights(CATALOGUE[name].model)))
    found = read_counts()[name]
    said = weights.meta["_ops"]
    assert found.published_multiply_adds / 1e9 == pytest.approx(said, rel=0.01, abs=0.001)
    if name != "inception-v3":  # its count includes the auxiliary head
        assert found.published_parameters == weights.meta["num_params"]


def test_auxiliary_heads_make_the_difference() -> None:
    """GoogLeNet and Inception v3 have their published parameters with the auxiliary heads."""
    googlenet, inception = (
        parameters(on_meta(lambda name=name: create_torchvision_model(name, auxiliary=True)))
        for name in ("googlenet", "inception_v3")
    )
    assert round(googlenet / 1e6, 3) == 13.005
    weights = torchvision.models.Inception_V3_Weights.IMAGENET1K_V1
    assert inception == weights.meta["num_params"]


@pytest.mark.parametrize("name", list(LITE_README))
def test_lite_is_its_readme(name: str) -> None:
    """Lite has its README's parameters to the digit, and its multiply-adds with normalisation.

    Convolutions and classifier alone, which midrib counts, are 3.3 % (Lite4) to 5.4 % (Lite0) below
    the README and so miss the 2 % that hold elsewhere. The architecture is the same, as the
    parameters and the layers of the authors' builder show; what is counted differs. With three
    operations more for each number out of batch normalisation all five agree within 0.5 %, Lite1
    to Lite4 within 0.1 %: that factor is found by fitting, the authors do not tell how they count.
    """
    size, millions, multiply_adds_told = LITE_README[name]
    found = counted(name, size)
    assert round(found.parameters / 1e6, 1) == millions
    with_normalisation = found.multiply_adds + 3 * found.normalised
    assert with_normalisation / 1e6 == pytest.approx(multiply_adds_told, rel=0.005)
    assert 0.94 < found.multiply_adds / 1e6 / multiply_adds_told < 0.97


@pytest.mark.parametrize("name", list(TIMM_TABLE))
def test_counts_are_those_of_timms_table(name: str) -> None:
    """Parameters and multiply-adds equal timm's own to the last digit.

    timm counts with fvcore, which adds two operations for each number out of batch normalisation
    and one for each that is pooled. That is 4 % of Lite0, and less than 0.5 % of ResNeXt-101.
    """
    size, millions, multiply_adds_told = TIMM_TABLE[name]
    found = counted(name, size)
    assert round(found.parameters / 1e6, 2) == millions
    as_fvcore = found.multiply_adds + 2 * found.normalised + found.pooled
    assert round(as_fvcore / 1e9, 2) == multiply_adds_told


def test_file_is_not_stale() -> None:
    """Some backbones, counted again, are as the file says."""
    counts = read_counts()
    for name in random.Random(0).sample(sorted(counts), COUNTED_AGAIN):
        assert count(name) == counts[name]


@pytest.mark.soak
@pytest.mark.parametrize("name", list(CATALOGUE))
def test_nothing_of_the_file_is_stale(name: str) -> None:
    """Every backbone, counted again, is as the file says."""
    assert count(name) == read_counts()[name]
