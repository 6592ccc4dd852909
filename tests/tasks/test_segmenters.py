from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from midrib.backbones import create_backbone
from midrib.engines import ENGINES, EngineOptions
from midrib.errors import UnknownNameError
from midrib.exporting import write_onnx
from midrib.postprocessing import classify_pixels
from midrib.records import Size
from midrib.tasks.mask_losses import create_mask_loss
from midrib.tasks.segmentation import DECODERS, Segmenter

CLASSES = 3
SIZE = (72, 104)
"""Height and width, no multiples of the coarsest stride."""

CELLS = [
    ("unet", "squeezenet-1.1"),
    ("unet++", "mobilenet-v2"),
    ("fpn", "shufflenet-v2-x0.5"),
    ("deeplabv3+", "resnet18"),
    ("pspnet", "resnet18"),
    ("segformer", "mobilenet-v1"),
]
_AGREED = 1e-3
EXPORTED = [
    ("unet", "timm:test_resnet"),
    *(pytest.param(*cell, marks=pytest.mark.soak) for cell in CELLS),
]


def _segmenter(decoder: str, backbone: str) -> Segmenter:
    torch.manual_seed(0)
    return Segmenter(create_backbone(backbone, weights="none"), CLASSES, decoder)


def _pictures(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, *SIZE, 3), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize(("decoder", "backbone"), CELLS)
def test_a_decoder_learns_over_a_backbone(decoder: str, backbone: str) -> None:
    """Logits have the size of the pictures, and one step on them changes the loss without NaN."""
    segmenter, pictures = _segmenter(decoder, backbone).train(), _pictures(2)
    truth = torch.zeros((2, *SIZE), dtype=torch.int64)
    truth[:, 20:60, 30:80], truth[:, 40:, :20] = 1, 2
    loss = create_mask_loss("dice+cross-entropy")
    logits, embedding = segmenter(pictures)
    assert logits.shape == (2, CLASSES, *SIZE)
    assert embedding.shape == (2, segmenter.embedding_size)
    before = loss(logits, truth)
    before.backward()
    for name, parameter in segmenter.decoder.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    stepped = [each for each in segmenter.parameters() if each.grad is not None]
    assert any(
        bool(each.grad.any()) for each in segmenter.backbone.parameters() if each.grad is not None
    )
    torch.optim.AdamW(stepped, 1e-3).step()
    after = loss(segmenter(pictures)[0], truth)
    assert torch.isfinite(after)
    assert not torch.equal(after, before)


@pytest.mark.parametrize(("decoder", "backbone"), EXPORTED)
def test_the_file_answers_like_the_model(decoder: str, backbone: str, tmp_path: Path) -> None:
    """In both engines the graph takes any count of pictures and gives the logits of places."""
    segmenter = _segmenter(decoder, backbone)
    served, file = segmenter.served().eval(), tmp_path / "fp32.onnx"
    write_onnx(served, _pictures(2), file, list(segmenter.outputs))
    places = [math.ceil(side / 32) * 32 // segmenter.stride for side in SIZE]
    engines = [ENGINES.get(name)(file, EngineOptions(threads=1)) for name in ENGINES]
    for count in (1, 3):
        pictures = _pictures(count, seed=count)
        with torch.inference_mode():
            expected = [each.numpy() for each in served(pictures)]
        for engine in engines:
            answered = engine.run(pictures.numpy())
            assert answered.answer.shape == (count, CLASSES, *places)
            for one, other in zip((answered.answer, answered.embedding), expected, strict=True):
                scale = max(1.0, float(np.abs(other).max()))
                assert np.abs(one - other).max() <= _AGREED * scale, engine.name


@pytest.mark.parametrize(("decoder", "backbone"), CELLS)
def test_the_field_decides_what_training_decided(decoder: str, backbone: str) -> None:
    """Logits at the decoder's stride, scaled by the field, are those that training scaled."""
    segmenter, pictures = _segmenter(decoder, backbone).eval(), _pictures(1)
    with torch.inference_mode():
        logits, _ = segmenter(pictures)
        served, _ = segmenter.served()(pictures)
    region = (0, 0, SIZE[1] / segmenter.stride, SIZE[0] / segmenter.stride)
    decided = classify_pixels(served[0].numpy(), region, Size(*SIZE), positive=None, threshold=0.5)
    highest, second = logits[0].topk(2, dim=0).values
    sure = (highest - second).numpy() > 1e-4 * float(logits.abs().max())
    assert sure.mean() > 0.9
    assert np.array_equal(decided[sure], logits[0].argmax(dim=0).numpy()[sure])


@pytest.mark.parametrize(("decoder", "backbone"), CELLS)
def test_a_batch_of_one_picture_is_learnt_from(decoder: str, backbone: str) -> None:
    """No decoder normalises what a batch of one has one number of."""
    logits, _ = _segmenter(decoder, backbone).train()(_pictures(1))
    logits.mean().backward()
    assert torch.isfinite(logits).all()


def test_finer_maps_are_read_where_there_are_any() -> None:
    """A U-Net reads the map of stride 2 of a backbone that has one; others begin at 4."""
    for decoder, finest in (("unet", 2), ("fpn", 4)):
        assert _segmenter(decoder, "resnet18").added.levels[0].stride == finest


def test_every_decoder_is_tried() -> None:
    """No decoder of midrib is without a backbone in these tests."""
    assert {decoder for decoder, _ in CELLS} == set(DECODERS)
    with pytest.raises(UnknownNameError, match="unknown decoder 'unett'"):
        DECODERS.get("unett")
