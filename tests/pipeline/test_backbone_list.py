"""Backbones to choose from, and one of them looked into."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import midrib as m
from midrib.backbones import CATALOGUE
from midrib.backbones.frameworks import FRAMEWORKS, Framework
from midrib.backbones.listing.listed import built_in_backbones
from midrib.backbones.weights.hub import hub_weights
from midrib.backbones.weights.packaged import PACKAGED_WEIGHTS
from midrib.columns import aligned, short
from midrib.errors import ConfigError, UnknownNameError, UsageError
from midrib.pipeline import BackboneFilter, BackboneList
from midrib.reporting import Advance, Reporter
from midrib.settings import Settings
from midrib.tasks import ALGORITHMS, Algorithm

PLUGIN = """
from midrib.backbones.request import BackboneRequest
from midrib.backbones.adapters.timm_backbone import TimmBackbone


def tiny(request: BackboneRequest) -> TimmBackbone:
    return TimmBackbone("house-of-others", "test_resnet", request)
"""


class Told(Reporter):
    """Keeps what a bar was told."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int, str]] = []

    @contextmanager
    def bar(self, title: str) -> Iterator[Advance]:
        assert title == "count backbones"
        yield lambda done, total, name: self.steps.append((done, total, name))


def names(found: BackboneList) -> list[str]:
    return [row.listed.origin.name for row in found.rows]


def filtered(**wanted: object) -> list[str]:
    return names(m.list_backbones(BackboneFilter(**wanted)))


def test_all_built_in_ones_are_listed() -> None:
    """Without conditions every backbone of the catalogue stands in its order, with its counts."""
    found = m.list_backbones()
    assert names(found) == list(CATALOGUE)
    records = found.as_record()["backbones"]
    assert isinstance(records, list)
    [resnet] = [record for record in records if record["name"] == "resnet50"]
    assert (resnet["parameters"], resnet["weights"]) == (25_557_032, ["hub"])
    assert resnet["multiply_adds"] == resnet["multiply_adds_at_224"] == 4_089_184_256
    assert resnet["levels"][-1] == {"stride": 32, "channels": 2048}
    assert len(found.lines()) == len(CATALOGUE) + 4


def test_places_of_weights_are_true() -> None:
    """'hub' stands where timm or torchvision have weights, 'packaged' where a package has them."""
    for listed in built_in_backbones():
        name = listed.origin.name
        assert ("hub" in listed.weights) == bool(hub_weights(name)), name
        assert ("packaged" in listed.weights) == (name in PACKAGED_WEIGHTS), name


@given(st.integers(0, 200_000_000), st.integers(0, 200_000_000), st.booleans())
def test_conditions_hold_and_lose_nothing(low: int, high: int, has_weights: bool) -> None:  # noqa: FBT001 - hypothesis draws it
    """What is listed meets every condition, and what is not listed fails one."""
    kept = set(filtered(min_parameters=low, max_parameters=high, has_weights=has_weights))
    for listed in built_in_backbones():
        within = low <= listed.counts.published_parameters <= high
        assert (listed.origin.name in kept) == (
            within and (bool(listed.weights) or not has_weights)
        )


def test_multiply_adds_bound() -> None:
    """Bounds of multiply-adds are those at the native size."""
    assert filtered(max_multiply_adds=60_000_000) == ["mobilenet-v3-small", "shufflenet-v2-x0.5"]
    assert filtered(min_multiply_adds=19_200_000_000) == ["vgg19", "efficientnet-b7"]


def test_names_and_families() -> None:
    """A part of a name, a pattern and a family choose; spelling of a family is forgiven."""
    assert filtered(like="NEXT") == ["resnext50", "resnext101"]
    assert filtered(like="vgg1?") == ["vgg16", "vgg19"]
    assert filtered(family="darknet") == filtered(family="Dark-Net") == ["darknet19", "darknet53"]
    with pytest.raises(UnknownNameError, match="did you mean 'DarkNet'"):
        filtered(family="darknte")
    with pytest.raises(ConfigError, match="did you mean 'family'"):
        BackboneFilter(famly="x")  # type: ignore[arg-type]  # the misspelling is meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("MobileNetV2", ["mobilenet-v2"]),
        ("vgg-16", ["vgg16"]),
        ("Res Net_34", ["resnet34"]),
        ("SqueezeNet1_?", ["squeezenet-1.0", "squeezenet-1.1"]),
        ("squeezenet-1?1", ["squeezenet-1.1"]),
        ("VGG-1[0-7]", ["vgg16"]),
        ("vgg1[!0-7]", ["vgg19"]),
        ("timm:Test-ResNet*", ["timm:test_resnet"]),
    ],
)
def test_spelling_of_a_part_and_of_a_pattern_is_forgiven(
    tmp_path: Path, typed: str, meant: list[str]
) -> None:
    """Case and separators count for nothing, in a pattern too; its brackets are as they stand."""
    found = m.list_backbones(BackboneFilter(like=typed), settings=Settings(home=tmp_path))
    assert names(found) == meant


def test_nothing_found_says_so() -> None:
    """An empty list says what would find more."""
    found = m.list_backbones(BackboneFilter(like="no-such-thing"))
    assert found.lines() == ["no backbone is like that; fewer conditions find more"]


def test_tasks_and_algorithms() -> None:
    """Every backbone has what a linear classifier reads; unknown names are refused."""
    assert filtered(task="classification") == filtered(algorithm="linear-classifier")
    assert filtered(task="classification") == list(CATALOGUE)
    [row] = m.list_backbones(BackboneFilter(like="alexnet", algorithm="linear-classifier")).rows
    assert row.words()[-1] == "pooled features"
    with pytest.raises(UnknownNameError, match="expected one of: classification"):
        filtered(task="clasification")
    with pytest.raises(UnknownNameError, match="linear-classifier"):
        filtered(algorithm="linear")
    with pytest.raises(UsageError, match="leave one of the two out"):
        filtered(task="detection", algorithm="linear-classifier")


def test_maps_decide_who_is_taken() -> None:
    """An algorithm takes backbones whose maps it can have, and says which need an added layer."""
    pyramid = Algorithm("detection", "reads maps", "nowhere", strides=(4, 8, 32, 64))
    fits = {
        listed.origin.name: pyramid.fit([stride for stride, _ in listed.counts.levels])
        for listed in built_in_backbones()
    }
    assert fits["resnet18"].describe() == "maps of stride 4, 8, 32 its own; 64 by an added layer"
    assert fits["squeezenet-1.1"].added == (32, 64)
    assert all(fit.takes for fit in fits.values())
    alone = pyramid.fit([16])
    assert (alone.own, alone.added, alone.missing) == ((), (4, 8, 32, 64), ())
    coarse = pyramid.fit([32])
    assert (coarse.missing, coarse.takes) == ((4,), False)
    assert coarse.describe() == (
        "maps of stride 32 its own; 8, 64 by an added layer; 4 not to be had"
    )


def test_frameworks_are_told_honestly() -> None:
    """PyTorch takes what there is; for the others the answer is 'not yet', and no backbone."""
    assert filtered(framework="pytorch") == list(CATALOGUE)
    for name, title in (("tensorflow", "TensorFlow and Keras"), ("tao", "NVIDIA TAO")):
        found = m.list_backbones(BackboneFilter(framework=name))
        assert found.rows == ()
        assert found.notes[0].startswith(f"{title}: not yet")
    with pytest.raises(UnknownNameError, match="pytorch"):
        filtered(framework="torch")
    assert not Framework("x", frozenset()).stands
    assert [name for name in FRAMEWORKS if FRAMEWORKS.get(name).stands] == ["pytorch"]


def test_models_of_timm_are_counted_once(tmp_path: Path) -> None:
    """Models of a library are counted under a bar when first listed, and remembered."""
    settings = Settings(home=tmp_path)
    wanted = BackboneFilter(like="timm:test_resnet*")
    first, again = Told(), Told()
    found = m.list_backbones(wanted, settings=settings, reporter=first)
    assert names(found) == ["timm:test_resnet"]
    assert first.steps == [(0, 1, "timm:test_resnet"), (1, 1, "timm:test_resnet")]
    [row] = found.rows
    assert (row.listed.origin.family, row.listed.weights) == ("resnet", ("hub",))
    assert row.listed.counts.top1 is None
    assert row.listed.counts.published_parameters > row.listed.counts.parameters
    assert m.list_backbones(wanted, settings=settings, reporter=again) == found
    assert again.steps == []


def test_models_of_torchvision_tell_what_they_scored(tmp_path: Path) -> None:
    """A model that is built in counts the same under its library's name."""
    wanted = BackboneFilter(like="torchvision:squeezenet1_1")
    [row] = m.list_backbones(wanted, settings=Settings(home=tmp_path)).rows
    [known] = [each for each in built_in_backbones() if each.origin.name == "squeezenet-1.1"]
    same = row.listed.counts.model_copy(update={"name": "squeezenet-1.1"})
    assert same == known.counts


def test_backbones_of_others_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backbone that enters by an entry point is listed, counted alone, and shown."""
    installed = tmp_path / "house_of_others-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: house-of-others\nVersion: 1\n"
    )
    (installed / "entry_points.txt").write_text(
        "[midrib.backbone]\nhouse-of-others = house_of_others_backbones:tiny\n"
    )
    (tmp_path / "house_of_others_backbones.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    from midrib.backbones import registry

    monkeypatch.setattr(registry.BACKBONES, "_plugins_loaded", False)
    monkeypatch.setattr(registry.BACKBONES, "_entries", dict(registry.BACKBONES._entries))
    [row] = m.list_backbones(BackboneFilter(like="house-of")).rows
    assert (row.listed.origin.source, row.listed.weights) == ("plug-in", ())
    assert row.listed.counts.published_parameters == row.listed.counts.parameters
    shown = m.show_backbone("House of Others")
    assert shown.frameworks["pytorch"]
    assert "published" not in "\n".join(shown.lines())
    sys.modules.pop("house_of_others_backbones")


def test_a_backbone_is_shown_whole() -> None:
    """Stages add up, and all that is promised of a backbone is told."""
    shown = m.show_backbone("SqueezeNet 1.1")
    record = shown.as_record()
    stages = record["stages"]
    assert isinstance(stages, list)
    assert sum(stage["multiply_adds"] for stage in stages) == record["backbone_multiply_adds"]
    assert sum(stage["parameters"] for stage in stages) == record["backbone_parameters"]
    assert (record["name"], record["parameters"]) == ("squeezenet-1.1", 1_235_496)
    weights = record["weights"]
    assert isinstance(weights, list)
    assert [each["source"].partition(":")[0] for each in weights] == ["hub", "packaged"]
    assert all(each["licence"] for each in weights)
    told = "\n".join(shown.lines())
    for words in (
        "SqueezeNet, torchvision's squeezenet1_1, Iandola et al., arXiv 1602.07360",
        "512, pooled",
        "64 channels at stride 2, 128 at stride 4, 256 at stride 8, 512 at stride 16",
        "224×224 native, any from 17×17 on",
        "mean 0.485 0.456 0.406, deviation 0.229 0.224 0.225",
        "58.2 % top-1 on ImageNet: torchvision, IMAGENET1K_V1",
        "takes it: pooled features",
        "not yet",
    ):
        assert words in told


def test_a_backbone_is_shown_at_another_size() -> None:
    """Maps and multiply-adds are those of the size that was asked for."""
    shown = m.show_backbone("darknet19", size=64)
    assert [stage.height for stage in shown.anatomy.stages] == [64, 32, 16, 8, 4, 2]
    assert shown.as_record()["size"] == [64, 64]
    with pytest.raises(UsageError, match="63"):
        m.show_backbone("alexnet", size=32)
    with pytest.raises(UnknownNameError, match="darknet19"):
        m.show_backbone("darknet91")


@given(st.integers(0, 10**12))
def test_a_short_count_is_near(count: int) -> None:
    """Three digits and a prefix are within half a unit of the last digit."""
    words = short(count).split()
    factor = {"k": 1e3, "M": 1e6, "G": 1e9}[words[1]] if len(words) == 2 else 1
    assert float(words[0]) * factor == pytest.approx(count, rel=0.0051)
    assert len(words[0].replace(".", "")) <= 4


def test_columns_are_as_wide_as_their_widest_word() -> None:
    """Left and right columns line up, and rows may be short."""
    told = aligned([("a", "1", "xyz"), ("bcd", "200"), ("e",)], left=(0,))
    assert told == ["a      1  xyz", "bcd  200", "e"]
    assert ALGORITHMS.get("linear-classifier").strides == ()


def test_remarks_stand_after_the_words() -> None:
    """A remark follows its padded row and widens no column."""
    told = aligned([("a", "1"), ("bcd",)], left=(0,), remarks=("", "not to be had here"))
    assert told == ["a    1", "bcd  not to be had here"]
