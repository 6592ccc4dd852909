"""Randomness for torchvision's transforms, which draw from torch's global generator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

_SEEDS = 1 << 63


@contextmanager
def seeded_by(random: np.random.Generator) -> Iterator[None]:
    """Let torch's global generator on the CPU follow from ``random``; afterwards it is as it was.

    So dropout draws the same numbers whether or not pictures are augmented in its process.
    """
    before = torch.get_rng_state()
    # Not torch.manual_seed, which seeds every accelerator too and would start them.
    torch.default_generator.manual_seed(int(random.integers(_SEEDS)))
    try:
        yield
    finally:
        torch.set_rng_state(before)
