"""What a backbone promises, checked with real pictures' shapes, gradients and files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from midrib.backbones import Backbone
from midrib.backbones.weights.tensors import each_its_own
from midrib.errors import UsageError
from midrib.exporting import write_onnx
from midrib.packages.card import PICTURES_INPUT

BackboneMaker = Callable[[int], Backbone]
"""Channels of the pictures to a backbone of random weights."""

CHANNELS = (1, 3, 4)
EXPORT_TOLERANCE = 1e-3
"""Largest allowed difference of an exported answer, relative to the largest answer of its kind."""

_SMALL = 64
_ODD_SIZE = (97, 131)
_LEARNED = 1e-30


class _Made:
    """The fixtures of every contract of backbones."""

    @pytest.fixture
    def make(self) -> BackboneMaker:
        """Makes the backbone to check."""
        raise NotImplementedError("override this fixture")

    @pytest.fixture
    def backbone(self, make: BackboneMaker) -> Backbone:
        return make(3).eval()


class BackboneBehaviour(_Made):
    """All but the export, which takes longest."""

    def test_outputs_have_the_promised_form(self, backbone: Backbone) -> None:
        """Features have their length and maps are exactly ceil(size / stride), at any size."""
        facts = backbone.facts
        for height, width in sizes(backbone):
            pictures = some_pictures(backbone, height, width)
            with torch.no_grad():
                features, maps = backbone(pictures), backbone.pyramid(pictures)
            assert features.shape == (len(pictures), facts.features)
            expected = [
                (
                    len(pictures),
                    level.channels,
                    -(-height // level.stride),
                    -(-width // level.stride),
                )
                for level in facts.levels
            ]
            assert [tuple(found.shape) for found in maps] == expected
            assert all(torch.isfinite(each).all() for each in (features, *maps))

    def test_facts_fit_each_other(self, backbone: Backbone) -> None:
        """Strides rise, normalisation has a number a channel, and nothing counted is nothing."""
        facts = backbone.facts
        strides = [level.stride for level in facts.levels]
        assert strides == sorted(set(strides))
        normalisation = facts.normalisation
        assert len(normalisation.mean) == len(normalisation.std) == facts.in_channels
        assert facts.parameters == sum(each.numel() for each in backbone.parameters())
        assert facts.multiply_adds > 0
        assert 0 < facts.smallest_size <= min(facts.native_size)

    def test_gradient_reaches_the_stem(self, backbone: Backbone) -> None:
        """A loss on the features, and one on the maps, moves the first weights."""
        backbone.train()
        pictures = some_pictures(backbone, *sizes(backbone)[0])
        answers = [backbone(pictures)]
        if backbone.facts.levels:
            answers.append(backbone.pyramid(pictures)[-1])
        for answer in answers:
            backbone.zero_grad()
            (answer * torch.randn_like(answer)).sum().backward()
            gradients = [each.grad for each in stem_weights(backbone)]
            assert all(each is not None and torch.isfinite(each).all() for each in gradients)
            assert any(each is not None and each.abs().max() > _LEARNED for each in gradients)

    def test_evaluation_is_deterministic(self, backbone: Backbone) -> None:
        """The same pictures get the same features and maps, in training mode before or not."""
        pictures = some_pictures(backbone, *sizes(backbone)[0])
        with torch.no_grad():
            first = answers_of(backbone, pictures)
            second = answers_of(backbone.train().eval(), pictures)
        for one, other in zip(first, second, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0)

    def test_weights_survive_a_file(
        self, make: BackboneMaker, backbone: Backbone, tmp_path: Path
    ) -> None:
        """A backbone that loads what another one saved answers as that one does."""
        file = tmp_path / "weights.safetensors"
        save_file(each_its_own(backbone.state_dict()), file)
        other = make(3).eval()
        with torch.no_grad():
            for each in other.parameters():
                each.add_(1)
        other.load_state_dict(load_file(file), strict=True)
        pictures = some_pictures(backbone, *sizes(backbone)[0])
        with torch.no_grad():
            torch.testing.assert_close(other(pictures), backbone(pictures))

    @pytest.mark.parametrize("channels", CHANNELS)
    def test_takes_pictures_of_other_channels(self, make: BackboneMaker, channels: int) -> None:
        """Grey, colour and four-band pictures are seen, each by a backbone made for them."""
        backbone = make(channels).eval()
        pictures = some_pictures(backbone, *sizes(backbone)[0])
        assert backbone.facts.in_channels == pictures.shape[1] == channels
        with torch.no_grad():
            assert backbone(pictures).shape == (len(pictures), backbone.facts.features)
        with pytest.raises(UsageError, match=f"{channels} channels"):
            backbone(torch.zeros(1, channels + 1, *pictures.shape[2:]))

    def test_other_sizes_are_refused(self, backbone: Backbone) -> None:
        """Pictures too small, or of another size than the only one, are refused with what works."""
        facts = backbone.facts
        smallest = facts.smallest_size
        if facts.resizable and smallest == 1:
            return
        refused = torch.zeros(1, facts.in_channels, smallest - 1, smallest - 1)
        with pytest.raises(UsageError, match=f"{smallest}×{smallest}"):
            backbone(refused)
        with pytest.raises(UsageError, match=f"{smallest}×{smallest}"):
            backbone.pyramid(refused)

    def test_stages_are_apart(self, backbone: Backbone) -> None:
        """There are stages, each has weights and no weight is in two of them."""
        stages = backbone.stages()
        held = [[id(p) for module in stage for p in module.parameters()] for stage in stages]
        assert held
        assert all(held)
        together = [each for stage in held for each in stage]
        assert len(set(together)) == len(together)


class BackboneExport(_Made):
    """The export."""

    def test_exported_file_answers_alike(self, backbone: Backbone, tmp_path: Path) -> None:
        """The ONNX file gives the backbone's features and maps, for one picture and for three."""
        size = sizes(backbone)[0]
        names = ["features", *(f"stride{level.stride}" for level in backbone.facts.levels)]
        example = some_pictures(backbone, *size)
        file = write_onnx(_Answers(backbone), example, tmp_path / "backbone.onnx", names)
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        for count in (1, 3):
            pictures = some_pictures(backbone, *size, count=count)
            found = session.run(names, {PICTURES_INPUT: pictures.numpy()})
            with torch.no_grad():
                expected = answers_of(backbone, pictures)
            for one, other in zip(found, expected, strict=True):
                scale = max(1.0, float(other.abs().max()))
                np.testing.assert_allclose(one, other, rtol=0, atol=EXPORT_TOLERANCE * scale)


class BackboneContract(BackboneBehaviour, BackboneExport):
    """Everything: inherit, and override the fixture ``make``."""


class _Answers(nn.Module):
    """A backbone that gives features and maps at once."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        return answers_of(self.backbone, pictures)


def answers_of(backbone: Backbone, pictures: Tensor) -> tuple[Tensor, ...]:
    """Features and maps."""
    return (backbone(pictures), *backbone.pyramid(pictures))


def sizes(backbone: Backbone) -> list[tuple[int, int]]:
    """Heights and widths to check at: small, odd and not square, or the only one."""
    facts = backbone.facts
    if not facts.resizable:
        return [facts.native_size]
    small = max(_SMALL, facts.smallest_size)
    odd = _ODD_SIZE if min(_ODD_SIZE) >= small else (small + 1, small + 35)
    return [(small, small), odd, (small + 32, small)]


def some_pictures(backbone: Backbone, height: int, width: int, *, count: int = 2) -> Tensor:
    """Normalised noise, always the same: count × channels × height × width."""
    generator = torch.Generator().manual_seed(count)
    return torch.randn(count, backbone.facts.in_channels, height, width, generator=generator)


def stem_weights(backbone: Backbone) -> list[nn.Parameter]:
    """The weights of the first layer."""
    first = next(
        module
        for module in backbone.modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and module.weight.requires_grad
    )
    return list(first.parameters())
