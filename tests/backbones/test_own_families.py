"""DarkNet-19 and ShuffleNet v1 against their papers and against timm's contract."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from midrib.backbones.families import darknet19, shuffle_unit
from midrib.backbones.families.shuffle_unit import ShuffleUnit, channel_shuffle
from midrib.backbones.families.shufflenet_v1 import size_name

# Table 6 of arXiv 1612.08242, row by row: type, filters, kernel, height and width of the output.
DARKNET19_TABLE = """
conv    32 3 224
maxpool  - 2 112
conv    64 3 112
maxpool  - 2  56
conv   128 3  56
conv    64 1  56
conv   128 3  56
maxpool  - 2  28
conv   256 3  28
conv   128 1  28
conv   256 3  28
maxpool  - 2  14
conv   512 3  14
conv   256 1  14
conv   512 3  14
conv   256 1  14
conv   512 3  14
maxpool  - 2   7
conv  1024 3   7
conv   512 1   7
conv  1024 3   7
conv   512 1   7
conv  1024 3   7
conv  1000 1   7
avgpool  - -   1
"""

# Table 1 of arXiv 1707.01083: groups, output channels of stages 2 to 4, complexity in millions.
SHUFFLENET_TABLE = [
    (1, (144, 288, 576), 143),
    (2, (200, 400, 800), 140),
    (3, (240, 480, 960), 137),
    (4, (272, 544, 1088), 133),
    (8, (384, 768, 1536), 137),
]

# Width, groups, parameters: those of github.com/osmr/imgclsmob where it has the size. The authors
# say 0.7, 1.0, 1.9, 2.4, 3.4, 4.3, 5.4 and 6.5 million; their classifier has no bias.
SHUFFLENET_PARAMETERS = [
    (0.5, 3, 718_324),
    (0.5, 8, 1_011_448),
    (1.0, 1, 1_531_936),
    (1.0, 2, 1_733_848),
    (1.0, 3, 1_865_728),
    (1.0, 4, 1_968_344),
    (1.0, 8, 2_434_768),
    (1.5, 3, 3_442_168),
    (1.5, 8, 4_269_952),
    (2.0, 3, 5_450_776),
    (2.0, 8, 6_522_232),
]

# Width, groups, millions: tables 2, 5 and 8 of the paper with 3 groups, the release's with 8.
SHUFFLENET_COMPLEXITY = [
    (0.25, 1, 13),
    (0.25, 2, 13),
    (0.25, 3, 13),
    (0.25, 4, 13),
    (0.5, 3, 38),
    (0.5, 8, 40),
    (1.0, 3, 137),
    (1.0, 8, 138),
    (1.5, 3, 292),
    (1.5, 8, 290),
    (2.0, 3, 524),
    (2.0, 8, 522),
]

OWN = ["darknet19", "shufflenet_v1", "shufflenet_v1_x0_25_g8"]


def on_meta(name: str, **options: Any) -> Any:
    """A model without memory: shapes and counts only."""
    with torch.device("meta"):
        return timm.create_model(name, **options).eval()


def tiny(name: str, **options: Any) -> Any:
    """A model with weights that are the same every time."""
    torch.manual_seed(7)
    return timm.create_model(name, **options).eval()


def picture(height: int, width: int, channels: int = 3, count: int = 1) -> Tensor:
    made = torch.Generator().manual_seed(height * width)
    return torch.rand(count, channels, height, width, generator=made)


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def multiply_adds(model: nn.Module, size: int = 224) -> int:
    """Of convolutions and classifiers, counted by torch on the meta device."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 3, size, size, device="meta"))
    return int(counter.get_total_flops()) // 2


def rows_run(model: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[tuple[Any, Any]]:
    """Each module of the kinds with the shape that it gave, in the order in which they ran."""
    rows: list[tuple[Any, Any]] = []

    def note(module: nn.Module, _: Any, output: Tensor) -> None:
        rows.append((module, tuple(output.shape[1:])))

    for module in model.modules():
        if isinstance(module, kinds):
            module.register_forward_hook(note)
    with torch.no_grad():
        model(torch.zeros(1, 3, 224, 224, device="meta"))
    return rows


def test_darknet19_is_its_table() -> None:
    """Type, filters, kernel and output of every layer are those of the paper's table 6."""
    told = []
    for module, shape in rows_run(
        on_meta("darknet19"), (nn.Conv2d, nn.MaxPool2d, nn.AdaptiveAvgPool2d)
    ):
        match module:
            case nn.Conv2d():
                told.append(f"conv {module.out_channels} {module.kernel_size[0]} {shape[-1]}")
            case nn.MaxPool2d():
                told.append(f"maxpool - {module.kernel_size} {shape[-1]}")
            case _:
                told.append("avgpool - - 1")
    assert told == [" ".join(row.split()) for row in DARKNET19_TABLE.strip().splitlines()]


def test_darknet19_counts() -> None:
    """20,842,376 parameters, and half of the paper's 5.58 billion operations as multiply-adds."""
    model = on_meta("darknet19")
    assert parameters(model) == 20_842_376
    assert round(2 * multiply_adds(model) / 1e9, 2) == 5.58
    units = [m for m in model.modules() if isinstance(m, darknet19.ConvolutionUnit)]
    assert [unit.act.negative_slope for unit in units] == [0.1] * 18


def test_darknet19_is_its_plain_derivation() -> None:
    """The same weights, applied one by one as the table reads, give the same logits."""
    model = tiny("darknet19", num_classes=5)
    x = given_picture = picture(45, 38)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    norms = iter([m for m in model.modules() if isinstance(m, nn.BatchNorm2d)])
    weights = iter(convolutions)
    for row in DARKNET19_TABLE.strip().splitlines()[:-2]:
        if row.startswith("maxpool"):
            # Past the edge darknet sees the smallest number there is.
            edge = (0, x.shape[-1] % 2, 0, x.shape[-2] % 2)
            x = functional.max_pool2d(functional.pad(x, edge, value=-math.inf), 2)
            continue
        weight, norm = next(weights).weight, next(norms)
        x = functional.conv2d(x, weight, padding=weight.shape[-1] // 2)
        x = (x - norm.running_mean[:, None, None]) / (norm.running_var + norm.eps).sqrt()[
            :, None, None
        ]
        x = x * norm.weight[:, None, None] + norm.bias[:, None, None]
        x = torch.where(x > 0, x, 0.1 * x)
    last = next(weights)
    logits = torch.einsum("nchw,kc->nkhw", x, last.weight[:, :, 0, 0]).mean((2, 3)) + last.bias
    torch.testing.assert_close(model(given_picture), logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("groups", "outputs", "complexity"), SHUFFLENET_TABLE)
def test_shufflenet_is_its_table(groups: int, outputs: tuple[int, ...], complexity: int) -> None:
    """Size, channels, repeats and complexity are those of the paper's table 1."""
    model = on_meta(size_name(1.0, groups))
    rows = rows_run(model, (shuffle_unit.ConvolutionUnit, nn.MaxPool2d, ShuffleUnit))
    units = [
        (shape, module.depthwise.conv.stride[0])
        for module, shape in rows
        if isinstance(module, ShuffleUnit)
    ]
    expected = []
    for channels, size, repeats in zip(outputs, (28, 14, 7), (4, 8, 4), strict=True):
        expected += [((channels, size, size), 2)] + [((channels, size, size), 1)] * (repeats - 1)
    assert [shape for _, shape in rows[:2]] == [(24, 112, 112), (24, 56, 56)]
    assert units == expected
    assert multiply_adds(model) / 1e6 == pytest.approx(complexity, rel=0.015)


@pytest.mark.parametrize("groups", [1, 2, 3, 4, 8])
def test_groups_are_where_the_paper_has_them(groups: int) -> None:
    """All 1×1 convolutions are grouped but stage 2's first, bottlenecks a quarter, 3×3 depthwise.

    A unit has ReLU after its first convolution and after the sum, not after the 3×3 (section 3.2).
    """
    model = on_meta(size_name(1.0, groups))
    units = [module for module in model.modules() if isinstance(module, ShuffleUnit)]
    assert [unit.compress.conv.groups for unit in units] == [1] + [groups] * 15
    assert {unit.expand.conv.groups for unit in units} == {groups}
    for unit in units:
        middle = unit.compress.conv.out_channels
        outputs = unit.expand.conv.out_channels + unit.grows * unit.compress.conv.in_channels
        assert middle * 4 == outputs
        assert unit.depthwise.conv.groups == middle
        assert isinstance(unit.compress.act, nn.ReLU)
        assert isinstance(unit.depthwise.act, nn.Identity)


@pytest.mark.parametrize(("width", "groups", "count"), SHUFFLENET_PARAMETERS)
def test_shufflenet_parameters(width: float, groups: int, count: int) -> None:
    """Parameter counts are exact."""
    assert parameters(on_meta(size_name(width, groups))) == count


@pytest.mark.parametrize(("width", "groups", "millions"), SHUFFLENET_COMPLEXITY)
def test_shufflenet_complexity(width: float, groups: int, millions: int) -> None:
    """Scaled networks have the multiply-adds that the authors tell, to the last digit told."""
    model = on_meta(size_name(width, groups))
    assert math.floor(multiply_adds(model) / 1e6 + 0.5) == millions


def test_the_plain_name_is_width_1_with_3_groups() -> None:
    """``shufflenet_v1`` is ``shufflenet_v1_x1_g3``."""
    shapes = [
        {key: value.shape for key, value in on_meta(name).state_dict().items()}
        for name in ("shufflenet_v1", "shufflenet_v1_x1_g3")
    ]
    assert shapes[0] == shapes[1]


@given(
    st.sampled_from([1, 2, 3, 4, 8]),
    st.integers(1, 6),
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_shuffle_is_the_papers_reshape(
    groups: int, each: int, count: int, height: int, width: int
) -> None:
    """(g, n) transposed and flat again, as numpy does it; the other way round it undoes itself."""
    values = np.arange(count * groups * each * height * width, dtype=np.int64)
    x = values.reshape(count, groups * each, height, width)
    oracle = x.reshape(count, groups, each, height, width).transpose(0, 2, 1, 3, 4)
    shuffled = channel_shuffle(torch.from_numpy(x), groups)
    assert np.array_equal(shuffled.numpy(), oracle.reshape(x.shape))
    assert np.array_equal(channel_shuffle(shuffled, each).numpy(), x)
    assert torch.equal(shuffled, functional.channel_shuffle(torch.from_numpy(x), groups))


@pytest.mark.parametrize(("inputs", "stride"), [(24, 2), (48, 1)])
def test_a_shuffle_unit_is_its_figure(inputs: int, stride: int) -> None:
    """A unit is what figure 2 draws, group by group, out of the same weights."""
    torch.manual_seed(3)
    unit = ShuffleUnit(inputs, 48, groups=3, first_groups=3, stride=stride).eval()
    x = picture(9, 7, channels=inputs) - 0.3
    y = unit.compress.bn(by_group(x, unit.compress.conv.weight, 3)).relu()
    y = torch.cat([y[:, start::4] for start in range(4)], dim=1)
    kernel = unit.depthwise.conv.weight
    maps = [
        functional.conv2d(y[:, place : place + 1], kernel[place : place + 1], None, stride, 1)
        for place in range(12)
    ]
    y = unit.expand.bn(by_group(unit.depthwise.bn(torch.cat(maps, 1)), unit.expand.conv.weight, 3))
    if stride == 2:
        told = torch.cat([functional.avg_pool2d(x, 3, 2, 1), y], dim=1).relu()
    else:
        told = (x + y).relu()
    torch.testing.assert_close(unit(x), told, rtol=1e-4, atol=1e-5)


def by_group(x: Tensor, weight: Tensor, groups: int) -> Tensor:
    """A grouped 1×1 convolution as one matrix product a group."""
    parts = zip(x.chunk(groups, 1), weight[:, :, 0, 0].chunk(groups), strict=True)
    return torch.cat([torch.einsum("nchw,kc->nkhw", part, rows) for part, rows in parts], dim=1)


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("size", [(64, 64), (65, 97), (33, 50)])
def test_maps_are_rounded_up(name: str, size: tuple[int, int]) -> None:
    """Each map has the promised channels and is ceil(size / stride) high and wide."""
    model = on_meta(name, features_only=True)
    maps = model(torch.zeros(2, 3, *size, device="meta"))
    promised = zip(model.feature_info.channels(), model.feature_info.reduction(), strict=True)
    assert [tuple(a_map.shape) for a_map in maps] == [
        (2, channels, *(math.ceil(side / stride) for side in size)) for channels, stride in promised
    ]
    assert model.feature_info.reduction()[-4:] == [4, 8, 16, 32]


@pytest.mark.parametrize("name", OWN)
def test_chosen_maps_are_those_of_the_whole(name: str) -> None:
    """``out_indices`` gives the chosen maps; the last is what ``forward_features`` gives."""
    whole = tiny(name)
    chosen = tiny(name, features_only=True, out_indices=(-3, -1))
    assert chosen.feature_info.reduction() == [8, 32]
    with torch.no_grad():
        torch.testing.assert_close(
            chosen(picture(40, 40))[-1], whole.forward_features(picture(40, 40))
        )


@pytest.mark.parametrize("name", OWN)
def test_intermediates_are_the_chosen_maps(name: str) -> None:
    """``forward_intermediates`` gives what ``features_only`` gives, and the last map beside it."""
    whole, features = tiny(name), tiny(name, features_only=True)
    x = picture(40, 33)
    with torch.no_grad():
        last, maps = whole.forward_intermediates(x)
        torch.testing.assert_close(maps, features(x))
        torch.testing.assert_close(last, whole.forward_features(x))
        two = whole.forward_intermediates(x, [1, -2], stop_early=True, intermediates_only=True)
        torch.testing.assert_close(two, [maps[1], maps[-2]])
        [alone] = whole.forward_intermediates(x, 1, intermediates_only=True)
        torch.testing.assert_close(alone, maps[-1])
    with pytest.raises(ValueError, match="NLC"):
        whole.forward_intermediates(x, output_fmt="NLC")


@pytest.mark.parametrize(
    ("name", "stride"), [("darknet19", 16), ("darknet19", 8), ("shufflenet_v1", 16)]
)
@pytest.mark.parametrize("size", [(64, 64), (71, 90)])
def test_denser_maps_hold_the_same_answers(name: str, stride: int, size: tuple[int, int]) -> None:
    """With ``output_stride`` the same weights give the maps of stride 32 and those between."""
    plain, dense = tiny(name), tiny(name, output_stride=stride)
    dense.load_state_dict(plain.state_dict())
    step = 32 // stride
    with torch.no_grad():
        told = dense.forward_features(picture(*size))[:, :, ::step, ::step]
        torch.testing.assert_close(told, plain.forward_features(picture(*size)))


@pytest.mark.parametrize("name", OWN)
def test_the_head_keeps_timms_contract(name: str) -> None:
    """Features before the classifier, a new classifier, none, and no pool either."""
    model = tiny(name, num_classes=7)
    x = picture(48, 40, count=2)
    with torch.no_grad():
        maps = model.forward_features(x)
        features = model.forward_head(maps, True)
        assert features.shape == (2, model.head_hidden_size) == (2, model.num_features)
        torch.testing.assert_close(features, maps.mean((2, 3)))
        weight = model.get_classifier().weight.reshape(7, -1)
        logits = features @ weight.T + model.get_classifier().bias
        torch.testing.assert_close(model(x), logits, rtol=1e-4, atol=1e-5)
        model.reset_classifier(4)
        assert (model.num_classes, model(x).shape) == (4, (2, 4))
        model.reset_classifier(0)
        torch.testing.assert_close(model(x), features)
        model.reset_classifier(0, "")
        torch.testing.assert_close(model(x), maps)
        model.reset_classifier(3, "max")
        assert model(x).shape == (2, 3)


@pytest.mark.parametrize("name", OWN)
def test_no_classes_from_the_start(name: str) -> None:
    """``num_classes=0`` has no classifier and answers with features."""
    model = on_meta(name, num_classes=0, in_chans=5)
    assert isinstance(model.get_classifier(), nn.Identity)
    shape = model(torch.zeros(2, 5, 64, 64, device="meta")).shape
    assert shape == (2, model.num_features)
    stem = model.pretrained_cfg["first_conv"]
    assert model.get_submodule(stem).in_channels == 5


@pytest.mark.parametrize("name", OWN)
def test_every_parameter_has_a_group_and_a_gradient(name: str) -> None:
    """Groups run from the stem to the head, and a loss reaches every parameter."""
    model = tiny(name, num_classes=3, drop_rate=0.2).train()
    model(picture(64, 64, count=2)).square().sum().backward()
    silent = [key for key, value in model.named_parameters() if value.grad is None]
    assert silent == []
    for coarse in (False, True):
        groups = timm.models.group_parameters(model, model.group_matcher(coarse))
        assert sum(len(names) for names in groups.values()) == len(list(model.parameters()))
        assert "stem.conv.weight" in groups[0]
        assert len(groups) > len(model.feature_info) - 2


@pytest.mark.parametrize("name", ["darknet19", "shufflenet_v1_x0_25_g3"])
def test_checkpointing_changes_no_gradient(name: str) -> None:
    """Stages that are computed twice give the gradients of stages that are kept."""
    gradients = []
    for enabled in (False, True):
        model = tiny(name, num_classes=3)
        model.set_grad_checkpointing(enabled)
        model(picture(33, 40)).sum().backward()
        gradients.append([value.grad.clone() for value in model.parameters()])
    torch.testing.assert_close(gradients[0], gradients[1])


@pytest.mark.parametrize("name", ["darknet19", "shufflenet_v1"])
def test_an_output_stride_that_cannot_be_is_refused(name: str) -> None:
    """A stride that is none of 8, 16 and 32 is refused by its number."""
    with pytest.raises(ValueError, match="output_stride is 12; expected 8, 16 or 32"):
        timm.create_model(name, output_stride=12)
