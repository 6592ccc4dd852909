"""MixUp and CutMix: batches in which pictures and their labels are mixed in pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

from midrib.training.randomness import seeded_by

_STREAM = 0x6D6978  # keeps these draws apart from those of pictures


@dataclass(frozen=True)
class Mixing:
    """How batches are mixed; where both strengths are above 0, each batch draws one of the two.

    ``mixup`` and ``cutmix`` are the parameter of the Beta distribution that shares are drawn from
    (Zhang et al., arXiv 1710.09412; Yun et al., arXiv 1905.04899): 1 draws any share alike,
    0.2 mostly leaves one picture nearly alone, 0 turns it off.
    """

    mixup: float
    cutmix: float
    classes: int
    seed: int

    def __call__(
        self, pictures: Tensor, truth: Tensor, *, epoch: int, batch: int
    ) -> tuple[Tensor, Tensor]:
        """Mix each picture with the one before it, by (seed, epoch, batch) alone.

        Args:
            pictures: uint8, count × height × width × channels.
            truth: int64, count.
            epoch: counted from 0.
            batch: of the epoch, counted from 0.

        Returns:
            Pictures of the same shape, float32 (0 to 255) after MixUp, uint8 after CutMix, and
            truth as float32, count × classes, summing to 1 over classes. Without either both
            come back as they were.
        """
        chances = [("mixup", self.mixup), ("cutmix", self.cutmix)]
        wanted = [(name, strength) for name, strength in chances if strength > 0]
        if not wanted:
            return pictures, truth
        random = np.random.default_rng([self.seed, epoch, batch, _STREAM])
        name, strength = wanted[int(random.integers(len(wanted)))]
        channels_first = pictures.permute(0, 3, 1, 2)
        with seeded_by(random):
            if name == "mixup":
                mix = v2.MixUp(alpha=strength, num_classes=self.classes)
                channels_first, truth = mix(channels_first.to(torch.float32), truth)
            else:
                mix = v2.CutMix(alpha=strength, num_classes=self.classes)
                channels_first, truth = mix(channels_first, truth)
        return channels_first.permute(0, 2, 3, 1), truth
