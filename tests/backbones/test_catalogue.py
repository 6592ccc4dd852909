"""Names of backbones, as users type them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import timm
from hypothesis import given
from hypothesis import strategies as some

from midrib.backbones import BACKBONES, CATALOGUE, canonical_name
from midrib.backbones.adapters.torchvision_models import model_names
from midrib.errors import UnknownNameError
from midrib.training import TrainConfig

MISSION = [
    "alexnet",
    "vgg16",
    "vgg19",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50",
    "resnext101",
    "googlenet",
    "inception-v3",
    "inception-resnet-v2",
    "darknet19",
    "darknet53",
    "mobilenet-v1",
    "mobilenet-v2",
    "mobilenet-v3-small",
    "mobilenet-v3-large",
    "squeezenet-1.0",
    "squeezenet-1.1",
    "efficientnet-b0",
    "efficientnet-b1",
    "efficientnet-b2",
    "efficientnet-b3",
    "efficientnet-b4",
    "efficientnet-b5",
    "efficientnet-b6",
    "efficientnet-b7",
    "efficientnet-lite0",
    "efficientnet-lite1",
    "efficientnet-lite2",
    "efficientnet-lite3",
    "efficientnet-lite4",
    "shufflenet-v1",
    "shufflenet-v2-x0.5",
    "shufflenet-v2-x1.0",
    "shufflenet-v2-x1.5",
    "shufflenet-v2-x2.0",
]


def test_every_name_is_there() -> None:
    """Every backbone that midrib promises is in the catalogue and can be made."""
    assert sorted(CATALOGUE) == sorted(MISSION)
    assert set(CATALOGUE) <= set(BACKBONES)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ResNet-50", "resnet50"),
        ("VGG 16", "vgg16"),
        ("MobileNetV2", "mobilenet-v2"),
        ("mobilenet-v3", "mobilenet-v3-large"),
        ("Inception-v1", "googlenet"),
        ("ShuffleNet v2", "shufflenet-v2-x1.0"),
        ("squeezenet1_1", "squeezenet-1.1"),
        ("resnext50_32x4d", "resnext50"),
        ("DarkNet-53", "darknet53"),
        ("timm:ResNet18", "timm:resnet18"),
        ("Torchvision: vit-b-16", "torchvision:vit_b_16"),
    ],
)
def test_spelling_is_forgiven(typed: str, meant: str) -> None:
    """A name is known however it is spelt, and by its other names."""
    assert canonical_name(typed) == meant


@given(name=some.sampled_from(sorted(CATALOGUE)), data=some.data())
def test_separators_and_case_count_for_nothing(name: str, data: some.DataObject) -> None:
    """Any case, with any separators between its characters, is the same name."""
    separators = some.sampled_from(["", "", "-", "_", ".", " "])
    typed = "".join(
        (letter.upper() if data.draw(some.booleans()) else letter) + data.draw(separators)
        for letter in name
    )
    assert canonical_name(typed) == canonical_name(name) == name


def test_names_of_libraries_stay_names_of_libraries() -> None:
    """Every model of the installed timm and torchvision is reached by its own name."""
    for prefix, models in (("timm", timm.list_models()), ("torchvision", model_names())):
        for model in models:
            assert canonical_name(f"{prefix}:{model}") == f"{prefix}:{model}"


def test_unknown_names_get_the_nearest() -> None:
    """A name that nothing answers to is refused with those that look like it."""
    with pytest.raises(UnknownNameError, match="'resnet50'"):
        canonical_name("resnet-5")


@pytest.mark.parametrize(("typed", "first"), [("vgg", "vgg16"), ("MobileNet", "mobilenet-v1")])
def test_names_that_begin_so_are_told_first(typed: str, first: str) -> None:
    """The list in the error begins with what begins like the name, and tells each name once."""
    with pytest.raises(UnknownNameError) as caught:
        canonical_name(typed)
    told = caught.value.expected.removeprefix("one of: ").removesuffix(" …").split(", ")
    assert told[0] == first
    assert len(told) == len(set(told))


def test_runs_of_one_backbone_are_one_run() -> None:
    """Two spellings of a backbone are equal options of training; an unknown one is refused."""
    assert TrainConfig(backbone="ResNet-50") == TrainConfig(backbone="resnet50")
    assert TrainConfig(backbone="ResNet-50").backbone == "resnet50"
    with pytest.raises(UnknownNameError, match="'resnet50'"):
        TrainConfig(backbone="resnet-5")


def run_fresh(code: str, path: Path | None = None) -> object:
    """What a fresh interpreter prints as JSON, with ``path`` among its places of packages."""
    lines = ["import json, sys", f"sys.path.insert(0, {str(path or '')!r})", code]
    command = [sys.executable, "-c", "\n".join(lines)]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(finished.stdout)


def test_names_and_counts_are_known_without_torch() -> None:
    """Checking a name and reading what was counted loads neither torch nor timm."""
    loaded = run_fresh(
        "from midrib.backbones import canonical_name\n"
        "from midrib.backbones.listing.counted import read_counts\n"
        "canonical_name('ResNet-50'), read_counts()\n"
        "print(json.dumps(sorted({'torch', 'timm', 'torchvision'} & set(sys.modules))))"
    )
    assert loaded == []


def entered(folder: Path, name: str) -> None:
    """Lay a package into a folder whose entry point gives a backbone that name."""
    (folder / "their_backbone.py").write_text(
        "from midrib.backbones.adapters.timm_backbone import TimmBackbone\n"
        "def make(request):\n"
        "    return TimmBackbone('their-net', 'test_resnet', request)\n"
    )
    entry = folder / "their_backbone-1.dist-info"
    entry.mkdir()
    (entry / "METADATA").write_text("Metadata-Version: 2.1\nName: their-backbone\nVersion: 1\n")
    (entry / "entry_points.txt").write_text(f"[midrib.backbone]\n{name} = their_backbone:make\n")


def test_third_parties_enter_by_the_same_door(tmp_path: Path) -> None:
    """A backbone of another installed package is made by its name, however that is spelt."""
    entered(tmp_path, "their-net")
    made = run_fresh(
        "from midrib.backbones import create_backbone\n"
        "facts = create_backbone('Their Net', weights='none', in_channels=4).facts\n"
        "print(json.dumps([facts.name, facts.in_channels]))",
        tmp_path,
    )
    assert made == ["their-net", 4]


@pytest.mark.parametrize("name", ["ResNet_50", "mobilenet-v3"])
def test_third_parties_take_no_name_of_ours(tmp_path: Path, name: str) -> None:
    """A name spelt like one that is built in, or like its alias, is refused and takes nothing."""
    entered(tmp_path, name)
    told = run_fresh(
        "from midrib.backbones import canonical_name\n"
        "from midrib.errors import UsageError\n"
        "try:\n"
        "    told = canonical_name('resnet50')\n"
        "except UsageError as problem:\n"
        "    told = str(problem)\n"
        "print(json.dumps(told))",
        tmp_path,
    )
    assert f"'{name}' of their_backbone:make is spelt like" in told
