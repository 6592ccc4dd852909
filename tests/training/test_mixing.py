"""Mixed batches keep what they mix, and depend on seed, epoch and batch alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from training.resumable_run import LABELS, RECIPE, digit_items

from midrib.backbones import create_backbone
from midrib.tasks import LOSSES, Classifier, create_loss
from midrib.training import FitTask, Pictures, TrainConfig, create_fabric, fit
from midrib.training.mixing import Mixing

CLASSES = 4
strengths = st.sampled_from([(0.4, 0.0), (0.0, 1.0), (1.0, 1.0)])
places = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Six pictures, each of one grey value, of three classes."""
    values = torch.tensor([0, 60, 120, 150, 200, 250], dtype=torch.uint8)
    pictures = values[:, None, None, None].expand(6, 10, 12, 3).contiguous()
    return pictures, torch.tensor([0, 1, 2, 0, 1, 2])


@given(strengths, places)
def test_labels_are_mixed_as_the_pixels_are(
    strength: tuple[float, float], place: tuple[int, int, int]
) -> None:
    """Each picture's mean is that of its two sources, weighted as its two labels are."""
    seed, epoch, number = place
    pictures, truth = batch()
    mixed, soft = Mixing(*strength, CLASSES, seed)(pictures, truth, epoch=epoch, batch=number)
    assert mixed.shape == pictures.shape
    assert soft.shape == (6, CLASSES)
    torch.testing.assert_close(soft.sum(dim=1), torch.ones(6))
    own = soft[torch.arange(6), truth]
    before = pictures.float().mean(dim=(1, 2, 3))
    expected = own * before + (1 - own) * before.roll(1)
    torch.testing.assert_close(mixed.float().mean(dim=(1, 2, 3)), expected, rtol=1e-4, atol=0.01)


@given(strengths, places)
def test_the_same_place_gives_the_same_batch(
    strength: tuple[float, float], place: tuple[int, int, int]
) -> None:
    """(seed, epoch, batch) alone decide, and torch's own randomness is left as it was."""
    seed, epoch, number = place
    found = []
    for start in (1, 2):
        torch.manual_seed(start)
        found.append(Mixing(*strength, CLASSES, seed)(*batch(), epoch=epoch, batch=number))
        after = torch.rand(2)
        torch.manual_seed(start)
        assert torch.equal(torch.rand(2), after)
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_without_strength_nothing_is_mixed() -> None:
    """Turned off, pictures and truth are handed on as they are."""
    pictures, truth = batch()
    mixed, same = Mixing(0.0, 0.0, CLASSES, 0)(pictures, truth, epoch=0, batch=0)
    assert mixed is pictures
    assert same is truth


@pytest.mark.parametrize("name", list(LOSSES))
def test_certain_soft_truth_counts_as_hard_truth(name: str) -> None:
    """Truth as probabilities of 0 and 1 has the loss of the classes themselves."""
    logits = torch.randn(6, CLASSES, generator=torch.Generator().manual_seed(0))
    truth = torch.tensor([0, 1, 2, 3, 1, 2])
    soft = torch.nn.functional.one_hot(truth, CLASSES).float()
    loss = create_loss(name, smoothing=0.1)
    torch.testing.assert_close(loss(logits, soft), loss(logits, truth))


def test_a_run_learns_from_mixed_batches(digit_pictures: Path, tmp_path: Path) -> None:
    """A run with both, and a strong recipe, goes through and keeps its best weights."""
    config = TrainConfig(
        size=32,
        epochs=1,
        batch_size=16,
        augmentation="strong",
        mixup=0.4,
        cutmix=1.0,
        metric="accuracy",
        device="cpu",
    )
    items = digit_items(digit_pictures)
    task = FitTask(
        model=Classifier(create_backbone(config.backbone, weights="none"), 10, dropout=0.0),
        training=Pictures(items[:32], LABELS, RECIPE, augmentation="strong"),
        validation=Pictures(items[96:112], LABELS, RECIPE),
        config=config,
        folder=tmp_path,
        identity="mixed",
    )
    assert fit(task, create_fabric(config)).steps == 2
    assert (tmp_path / "best.safetensors").is_file()
