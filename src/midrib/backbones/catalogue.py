"""The backbones that midrib knows by a name of its own, and what is published of them.

Nothing here loads torch: names are checked, completed and listed before anything slow begins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Literal

from midrib.errors import UsageError
from midrib.names import unknown_name

BACKBONE_KIND = "backbone"
TIMM_PREFIX = "timm:"
TORCHVISION_PREFIX = "torchvision:"
PREFIXES = (TIMM_PREFIX, TORCHVISION_PREFIX)
"""Before the name of any model of that library."""

_FORGIVEN = str.maketrans("", "", "-_. ")


@dataclass(frozen=True)
class Entry:
    """One backbone.

    ``model`` is what ``source`` calls it, ``reference`` the paper, ``aliases`` are further names
    that users type. ``top1`` is the published accuracy on ImageNet in percent and ``top1_source``
    who published it; None where torchvision says it of its own weights (see `counting`).
    """

    name: str
    family: str
    source: Literal["timm", "torchvision"]
    model: str
    reference: str
    aliases: tuple[str, ...] = ()
    top1: float | None = None
    top1_source: str = ""


_ALEXNET = "Krizhevsky, One weird trick for parallelizing CNNs, arXiv 1404.5997"
_VGG = "Simonyan and Zisserman, arXiv 1409.1556"
_RESNET = "He et al., arXiv 1512.03385"
_RESNEXT = "Xie et al., arXiv 1611.05431"
_GOOGLENET = "Szegedy et al., arXiv 1409.4842"
_INCEPTION_V3 = "Szegedy et al., arXiv 1512.00567"
_INCEPTION_RESNET = "Szegedy et al., arXiv 1602.07261"
_DARKNET19 = "Redmon and Farhadi, YOLO9000, arXiv 1612.08242"
_DARKNET53 = "Redmon and Farhadi, YOLOv3, arXiv 1804.02767"
_MOBILENET_V1 = "Howard et al., arXiv 1704.04861"
_MOBILENET_V2 = "Sandler et al., arXiv 1801.04381"
_MOBILENET_V3 = "Howard et al., arXiv 1905.02244"
_SQUEEZENET = "Iandola et al., arXiv 1602.07360"
_EFFICIENTNET = "Tan and Le, arXiv 1905.11946"
_EFFICIENTNET_LITE = "Tan and Le, arXiv 1905.11946, without squeeze-and-excitation and swish"
_SHUFFLENET_V1 = "Zhang et al., arXiv 1707.01083"
_SHUFFLENET_V2 = "Ma et al., arXiv 1807.11164"

_LITE_TOP1 = (75.1, 76.7, 77.6, 79.8, 81.5)
_LITE_SOURCE = "tensorflow/tpu, efficientnet/lite/README.md, FP32, at the native size"


def _rows() -> Iterable[Entry]:
    yield Entry("alexnet", "AlexNet", "torchvision", "alexnet", _ALEXNET)
    for depth in (16, 19):
        yield Entry(f"vgg{depth}", "VGG", "torchvision", f"vgg{depth}", _VGG)
    for depth in (18, 34, 50, 101, 152):
        yield Entry(f"resnet{depth}", "ResNet", "torchvision", f"resnet{depth}", _RESNET)
    for depth, width in ((50, "32x4d"), (101, "32x8d")):
        model = f"resnext{depth}_{width}"
        yield Entry(f"resnext{depth}", "ResNeXt", "torchvision", model, _RESNEXT, (model,))
    yield from _inceptions()
    yield from _darknets()
    yield from _mobilenets()
    for version in ("1.0", "1.1"):
        model = f"squeezenet{version.replace('.', '_')}"
        yield Entry(f"squeezenet-{version}", "SqueezeNet", "torchvision", model, _SQUEEZENET)
    yield from _efficientnets()
    yield from _shufflenets()


def _inceptions() -> Iterable[Entry]:
    aliases = ("inception-v1",)
    yield Entry("googlenet", "Inception", "torchvision", "googlenet", _GOOGLENET, aliases)
    yield Entry("inception-v3", "Inception", "torchvision", "inception_v3", _INCEPTION_V3)
    yield Entry(
        "inception-resnet-v2",
        "Inception",
        "timm",
        "inception_resnet_v2",
        _INCEPTION_RESNET,
        top1=80.4,
        top1_source="timm, inception_resnet_v2.tf_in1k, at 299 pixels",
    )


def _darknets() -> Iterable[Entry]:
    at_home = "pjreddie.com/darknet/imagenet"
    yield Entry(
        "darknet19",
        "DarkNet",
        "timm",
        "darknet19",
        _DARKNET19,
        top1=72.9,
        top1_source=at_home,
    )
    yield Entry(
        "darknet53",
        "DarkNet",
        "timm",
        "darknet53",
        _DARKNET53,
        top1=80.0,
        top1_source="timm, darknet53.c2ns_in1k, at 256 pixels",
    )


def _mobilenets() -> Iterable[Entry]:
    yield Entry(
        "mobilenet-v1",
        "MobileNet",
        "timm",
        "mobilenetv1_100",
        _MOBILENET_V1,
        top1=75.39,
        top1_source="timm, mobilenetv1_100.ra4_e3600_r224_in1k",
    )
    yield Entry("mobilenet-v2", "MobileNet", "torchvision", "mobilenet_v2", _MOBILENET_V2)
    for size in ("small", "large"):
        yield Entry(
            f"mobilenet-v3-{size}",
            "MobileNet",
            "torchvision",
            f"mobilenet_v3_{size}",
            _MOBILENET_V3,
            ("mobilenet-v3",) if size == "large" else (),
        )


def _efficientnets() -> Iterable[Entry]:
    for scale in range(8):
        model = f"efficientnet_b{scale}"
        name = f"efficientnet-b{scale}"
        yield Entry(name, "EfficientNet", "torchvision", model, _EFFICIENTNET)
    for scale, top1 in enumerate(_LITE_TOP1):
        yield Entry(
            f"efficientnet-lite{scale}",
            "EfficientNet-Lite",
            "timm",
            f"tf_efficientnet_lite{scale}",
            _EFFICIENTNET_LITE,
            top1=top1,
            top1_source=_LITE_SOURCE,
        )


def _shufflenets() -> Iterable[Entry]:
    yield Entry(
        "shufflenet-v1",
        "ShuffleNet",
        "timm",
        "shufflenet_v1",
        _SHUFFLENET_V1,
        top1=65.6,
        top1_source="arXiv 1707.01083v1, ShuffleNet 1x with 3 groups",
    )
    for width in ("0.5", "1.0", "1.5", "2.0"):
        yield Entry(
            f"shufflenet-v2-x{width}",
            "ShuffleNet",
            "torchvision",
            f"shufflenet_v2_x{width.replace('.', '_')}",
            _SHUFFLENET_V2,
            ("shufflenet-v2",) if width == "1.0" else (),
        )


CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in _rows()}
"""Every built-in backbone by its name."""


def canonical_name(typed: str) -> str:
    """The name that ``typed`` means; case, '-', '_', '.' and spaces are forgiven.

    A name after 'timm:' or 'torchvision:' is brought into the spelling of that library; whether
    the library has it is known when it is created, for only then is the library loaded. Raises
    ``UnknownNameError`` with the nearest names, and ``UsageError`` when a third party's name is
    spelt like another one.
    """
    for prefix in PREFIXES:
        if typed.strip().casefold().startswith(prefix):
            model = typed.strip()[len(prefix) :].strip()
            return prefix + model.casefold().replace("-", "_")
    known = _spellings()
    name = known.get(folded(typed))
    if name is None:
        raise unknown_name(BACKBONE_KIND, typed, set(known.values()))
    return name


def _spellings() -> dict[str, str]:
    """Every name, alias and name of a third party, folded, and the name that it stands for.

    Raises ``UsageError`` when a third party's name is spelt like another one.
    """
    spelt = {folded(alias): each.name for each in CATALOGUE.values() for alias in each.aliases}
    spelt |= {folded(name): name for name in CATALOGUE}
    for point in entry_points(group=f"midrib.{BACKBONE_KIND}"):
        meant = spelt.setdefault(folded(point.name), point.name)
        if meant != point.name:
            raise UsageError(
                f"the {BACKBONE_KIND} '{point.name}' of {point.value} is spelt like '{meant}'",
                expected="names that differ in more than case, '-', '_', '.' and spaces",
                todo="rename it, or remove the package that has it",
            )
    return spelt


def library_of(name: str) -> tuple[str, str] | None:
    """The library that has a backbone of that canonical name, and what that calls it.

    None of third parties' backbones.
    """
    for prefix in PREFIXES:
        if name.startswith(prefix):
            return prefix.rstrip(":"), name.removeprefix(prefix)
    entry = CATALOGUE.get(name)
    return (entry.source, entry.model) if entry else None


def folded(name: str) -> str:
    """A name without what is forgiven: case, '-', '_', '.' and spaces."""
    return name.casefold().translate(_FORGIVEN)
