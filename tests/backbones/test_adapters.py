"""Adapters over timm and torchvision: what they keep of the networks, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from midrib.backbones import Backbone, BackboneRequest, Normalisation, create_backbone
from midrib.backbones.adapters.probing import on_meta
from midrib.backbones.adapters.timm_backbone import TimmBackbone
from midrib.backbones.adapters.torchvision_backbone import TorchvisionBackbone
from midrib.backbones.interface import Level
from midrib.backbones.weights.stem import adapt_normalisation, adapt_stem
from midrib.errors import StorageError, UnknownNameError, UsageError


def random_pictures(channels: int = 3, size: int = 64, count: int = 2) -> Tensor:
    return torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(0))


def what_enters(classifier: nn.Module, model: nn.Module, pictures: Tensor) -> Tensor:
    """What a published network gives to its classifier."""
    entered: list[Tensor] = []
    handle = classifier.register_forward_pre_hook(lambda _, given: entered.append(given[0]))
    with torch.no_grad():
        model.eval()(pictures)
    handle.remove()
    return entered[0].flatten(1)


def saved(model: nn.Module, file: Path) -> Path:
    save_file({key: each.contiguous() for key, each in model.state_dict().items()}, file)
    return file


def test_lite0_is_what_it_was() -> None:
    """EfficientNet-Lite0 gives timm's own features, bit by bit, under the names of earlier runs."""
    torch.manual_seed(3)
    published = timm.create_model("tf_efficientnet_lite0", num_classes=0).eval()
    torch.manual_seed(3)
    backbone = create_backbone("efficientnet-lite0", weights="none").eval()
    with torch.no_grad():
        assert torch.equal(backbone(random_pictures()), published(random_pictures()))
    assert list(backbone.state_dict()) == [f"model.{key}" for key in published.state_dict()]


def test_stages_of_lite0_are_what_they_were() -> None:
    """The stem is the first stage of EfficientNet-Lite0, each group of blocks one of the next."""
    backbone = create_backbone("efficientnet-lite0", weights="none")
    model = backbone.get_submodule("model")
    stem, *blocks = backbone.stages()[:8]
    assert stem == [model.get_submodule("conv_stem"), model.get_submodule("bn1")]
    assert blocks == [[model.get_submodule(f"blocks.{number}")] for number in range(7)]


@pytest.mark.parametrize(
    ("name", "classifier"),
    [
        ("resnet18", "fc"),
        ("mobilenet_v2", "classifier"),
        ("mobilenet_v3_small", "classifier"),
        ("shufflenet_v2_x0_5", "fc"),
        ("swin_t", "head"),
        pytest.param("densenet121", "classifier", marks=pytest.mark.soak),
        pytest.param("vit_b_32", "heads", marks=pytest.mark.soak),
        pytest.param("googlenet", "fc", marks=pytest.mark.soak),
    ],
)
def test_features_are_what_enters_the_classifier(
    name: str, classifier: str, tmp_path: Path
) -> None:
    """Pooled features are those that torchvision itself gives to its classifier."""
    options = {"aux_logits": False, "init_weights": True} if name == "googlenet" else {}
    published = torchvision.models.get_model(name, weights=None, **options)
    request = BackboneRequest(saved(published, tmp_path / "published.safetensors"))
    backbone = TorchvisionBackbone(name, name, request).eval()
    pictures = random_pictures(size=backbone.facts.smallest_size if name == "vit_b_32" else 64)
    with torch.no_grad():
        found = backbone(pictures)
    expected = what_enters(published.get_submodule(classifier), published, pictures)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_classifiers_and_auxiliary_heads_are_left_out() -> None:
    """Nothing is kept that no feature and no map needs."""
    for name in ("vgg16", "inception-v3", "squeezenet-1.1", "mobilenet-v2"):
        with torch.device("meta"):
            kept = create_backbone(name, weights="none").state_dict()
        assert not [key for key in kept if "classifier" in key or ".fc." in key or "Aux" in key]


def test_levels_are_those_of_the_papers() -> None:
    """Strides and channels that nobody typed are the known ones, in either order of the axes."""
    published = {
        "resnet50": [(2, 64), (4, 256), (8, 512), (16, 1024), (32, 2048)],
        "efficientnet-lite0": [(2, 16), (4, 24), (8, 40), (16, 112), (32, 320)],
        "squeezenet-1.0": [(2, 96), (4, 256), (8, 512), (16, 512)],
        "torchvision:swin_t": [(4, 96), (8, 192), (16, 384), (32, 768)],
        "torchvision:vit_b_32": [],
        "timm:vit_tiny_patch16_224": [(16, 192)],
    }
    for name, levels in published.items():
        with torch.device("meta"):
            facts = create_backbone(name, weights="none").facts
        assert facts.levels == tuple(Level(*level) for level in levels), name


def test_googlenet_is_normalised_once() -> None:
    """Networks that torchvision normalises again inside get the sum of both steps outside."""
    with torch.device("meta"):
        facts = create_backbone("googlenet", weights="none").facts
    assert facts.normalisation == Normalisation(mean=(0.5,) * 3, std=(0.5,) * 3)
    published = torchvision.models.googlenet(
        weights=None, aux_logits=False, transform_input=True, init_weights=False
    )
    pictures = torch.rand(2, 3, 8, 8)
    usual = torchvision.transforms.functional.normalize(
        pictures, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    )
    twice = published._transform_input(usual)
    torch.testing.assert_close((pictures - 0.5) / 0.5, twice, rtol=1e-4, atol=1e-5)


Making = Callable[[int, Path | None], Backbone]


def from_timm(channels: int, file: Path | None) -> Backbone:
    return TimmBackbone("one", "test_resnet", BackboneRequest(file, in_channels=channels)).eval()


def from_torchvision(channels: int, file: Path | None) -> Backbone:
    request = BackboneRequest(file, in_channels=channels)
    return TorchvisionBackbone("one", "shufflenet_v2_x0_5", request).eval()


@pytest.mark.parametrize("make", [from_timm, from_torchvision])
def test_other_channels_keep_what_was_learned(make: Making, tmp_path: Path) -> None:
    """Weights for colour see a grey picture, and a colour picture given twice, as they saw it."""
    colour = make(3, None)
    file = saved(colour.get_submodule("model"), tmp_path / "colour.safetensors")
    grey, doubled = random_pictures(channels=1), random_pictures()
    with torch.no_grad():
        torch.testing.assert_close(make(1, file)(grey), colour(grey.repeat(1, 3, 1, 1)))
        torch.testing.assert_close(make(6, file)(doubled.repeat(1, 2, 1, 1)), colour(doubled))


def test_stems_that_fold_pixels_keep_what_was_learned() -> None:
    """A first layer over 2 × 2 pixels folded into channels is adapted colour by colour."""
    weight, pictures = torch.randn(5, 12, 3, 3), random_pictures(size=8)

    def fold(each: Tensor) -> Tensor:
        count, channels, height, width = each.shape
        cells = each.reshape(count, channels, height // 2, 2, width // 2, 2)
        return cells.permute(0, 3, 5, 1, 2, 4).reshape(count, -1, height // 2, width // 2)

    expected = nn.functional.conv2d(fold(pictures), weight)
    found = nn.functional.conv2d(fold(pictures.repeat(1, 2, 1, 1)), adapt_stem(weight, 6))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_normalisation_has_a_number_a_channel() -> None:
    """One channel is normalised by the means of the three, more channels by the three in turn."""
    three = Normalisation(mean=(0.4, 0.5, 0.6), std=(0.1, 0.2, 0.3))
    assert adapt_normalisation(three, 3) == three
    assert adapt_normalisation(three, 1).mean == pytest.approx((0.5,))
    assert adapt_normalisation(three, 4).std == (0.1, 0.2, 0.3, 0.1)


def test_misfits_are_named(tmp_path: Path) -> None:
    """The first tensors of a file that are missing or of another shape are named with theirs."""
    file = saved(timm.create_model("test_resnet"), tmp_path / "whole.safetensors")
    tensors = load_file(file)
    stem = next(key for key in tensors if tensors[key].ndim == 4)
    tensors[stem] = torch.zeros(2, 2)
    missing = next(key for key in tensors if key.endswith("running_mean"))
    del tensors[missing]
    save_file(tensors, file)
    with pytest.raises(StorageError) as caught:
        from_timm(3, file)
    assert f"{missing} is missing" in caught.value.came
    assert f"{stem} is 2×2 instead of " in caught.value.came
    assert "1 tensors missing, 1 of another shape or kind" in caught.value.came


def test_files_that_are_no_weights_are_refused(tmp_path: Path) -> None:
    """A file that is not safetensors is refused by name."""
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(StorageError, match=r"text\.safetensors"):
        from_timm(3, tmp_path / "text.safetensors")


def test_sizes_that_do_not_work_are_answered_with_those_that_do() -> None:
    """Too small pictures get the smallest size, those of another size the only one."""
    backbone = create_backbone("alexnet", weights="none").eval()
    assert backbone.facts.smallest_size == 63
    backbone(torch.zeros(1, 3, 63, 63))
    with pytest.raises(UsageError, match="63×63"):
        backbone(torch.zeros(1, 3, 62, 100))
    vit = create_backbone("timm:test_vit", weights="none").eval()
    with pytest.raises(UsageError, match=r"the one size that it takes; create .* size=96"):
        vit(torch.zeros(1, 3, 96, 96))


def test_networks_of_one_size_are_made_for_another(tmp_path: Path) -> None:
    """A ViT is made for the size asked for, and takes the weights of its own size with it."""
    file = saved(timm.create_model("test_vit", num_classes=0), tmp_path / "vit.safetensors")
    other = create_backbone("timm:test_vit", weights=str(file), size=96).eval()
    assert other.facts.native_size == (96, 96)
    with torch.no_grad():
        assert other.pyramid(random_pictures(size=96))[0].shape[-2:] == (6, 6)
    torchvision_vit = create_backbone("torchvision:vit_b_32", weights="none", size=64).eval()
    assert torchvision_vit(random_pictures()).shape == (2, 768)
    assert create_backbone("timm:dla46_c", weights="none", size=64).facts.native_size == (64, 64)
    with pytest.raises(UsageError, match="cannot make"):
        create_backbone("torchvision:vit_b_32", weights="none", size=65)


def test_unknown_models_of_a_library_get_the_nearest() -> None:
    """A model that timm or torchvision does not have is answered with the one that was meant."""
    with pytest.raises(UnknownNameError, match="'resnet18'"):
        create_backbone("timm:resnet_18x")
    with pytest.raises(UnknownNameError, match="'vit_b_32'"):
        create_backbone("torchvision:vit_b_33")


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("fasterrcnn_resnet50_fpn", "detection"),
        ("quantized_mobilenet_v2", "quantization"),
        ("r3d_18", "video"),
        ("raft_small", "optical flow"),
    ],
)
def test_models_of_torchvision_that_are_no_backbones_say_what_they_are(
    model: str, kind: str
) -> None:
    """A model for another task than classification is told apart from one that does not exist."""
    with pytest.raises(UsageError, match=f"{model} is a whole model for {kind}, no backbone"):
        create_backbone(f"torchvision:{model}", weights="none")


ODDLY_GROUPED = [
    "timm:caformer_s18",  # no groups of timm's, as all of MetaFormer
    "timm:pit_ti_distilled_224",  # none either, and two class tokens
    "timm:rdnet_tiny",  # no groups as large as stages
    "timm:coat_tiny",  # layers that stand in two places
    "timm:gemma4_vit_167m_enc",  # reads numbers to shape its maps, and leaves its tokens unpooled
]


@pytest.mark.parametrize("name", ODDLY_GROUPED)
def test_odd_networks_have_stages_and_pooled_features(name: str) -> None:
    """Whatever timm does not tell of a network, it has stages apart and one feature vector."""
    backbone = on_meta(lambda: create_backbone(name, weights="none")).eval()
    stages = backbone.stages()
    held = [id(each) for stage in stages for part in stage for each in part.parameters()]
    assert len(stages) > 3
    assert len(set(held)) == len(held)
    loose = sum(p.numel() for p in backbone.parameters() if id(p) not in held)
    assert loose <= backbone.facts.parameters / 20
    pictures = torch.empty(2, 3, *backbone.facts.native_size, device="meta")
    assert backbone(pictures).shape == (2, backbone.facts.features)


@pytest.mark.filterwarnings("ignore:CSATv2 is designed for 3-channel:UserWarning")
def test_networks_for_colour_alone_refuse_other_channels() -> None:
    """A network that holds numbers for three channels says that it takes no others."""
    with pytest.raises(UsageError, match=r"csatv2 cannot take pictures of 12 channels.*3 channels"):
        create_backbone("timm:csatv2", weights="none", in_channels=12)


def test_pretrained_is_short_for_weights() -> None:
    """True is 'auto' and False is 'none'; together with other weights it is refused."""
    assert create_backbone("timm:test_resnet", pretrained=False).facts.weights.source == "none"
    with pytest.raises(UsageError, match="nobody publishes weights for 'darknet19'"):
        create_backbone("darknet19", pretrained=True)
    with pytest.raises(UsageError, match="weights 'hub' and pretrained=False"):
        create_backbone("timm:test_resnet", weights="hub", pretrained=False)


@pytest.mark.parametrize(("size", "strides"), [(200, [4, 8, 16, 32]), (224, [4, 8, 16, 32])])
def test_strides_of_one_size_are_those_that_round_up_to_its_maps(
    size: int, strides: list[int]
) -> None:
    """A network made for a size that its strides do not divide has the strides of any other."""
    name = "timm:swin_tiny_patch4_window7_224"
    facts = on_meta(lambda: create_backbone(name, weights="none", size=size)).facts
    assert [level.stride for level in facts.levels] == strides


@pytest.mark.parametrize(
    ("options", "words"), [({"in_channels": 0}, "0 channels"), ({"size": -5}, "-5 pixels")]
)
def test_channels_and_sizes_that_cannot_be_are_refused(options: dict[str, int], words: str) -> None:
    """Nothing is made for no channels or for less than a pixel."""
    with pytest.raises(UsageError, match=words):
        create_backbone("squeezenet-1.1", weights="none", **options)


def test_one_picture_without_its_count_is_refused() -> None:
    """Pictures have four axes, and the error says how to add the first."""
    backbone = create_backbone("squeezenet-1.1", weights="none")
    with pytest.raises(UsageError, match=r"3 axes.*count × channels"):
        backbone(torch.zeros(3, 64, 64))
