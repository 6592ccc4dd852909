"""What a network costs: parameters and multiply-adds."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def parameters(network: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(each.numel() for each in network.parameters())


def multiply_adds(run: Callable[[Tensor], object], pictures: Tensor) -> int:
    """Multiply-adds of convolutions and matrix products in one call; on any device, meta too.

    Papers and libraries count these alone and often call them FLOPs.
    """
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run(pictures)
    flops: int = counter.get_total_flops()
    return flops // 2
