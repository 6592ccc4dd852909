"""Where training runs: CUDA, MPS or the CPU, on one device or several."""

from __future__ import annotations

import torch
from lightning_fabric import Fabric

from midrib.errors import UsageError
from midrib.training.config import TrainConfig


def resolve_device(wanted: str) -> str:
    """'cuda', 'mps' or 'cpu'. Raises ``UsageError`` when the wanted one is not there."""
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        return next(device for device, is_there in present.items() if is_there)
    if not present[wanted]:
        here = ", ".join(device for device, is_there in present.items() if is_there)
        raise UsageError(
            f"the device '{wanted}' is not there",
            expected=f"one of: {here}",
            todo="choose one of them, or --device auto",
        )
    return wanted


def resolve_precision(wanted: str, device: str) -> str:
    """The precision to train in: mixed where the device has it.

    The CPU's bfloat16 was measured slower than float32 on depthwise networks, so there it is only
    taken when asked for.
    """
    if wanted != "auto":
        return wanted
    if device != "cuda":
        return "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"


def create_fabric(config: TrainConfig) -> Fabric:
    """Lightning Fabric on the resolved device with the resolved precision."""
    device = resolve_device(config.device)
    strategy = "ddp_spawn" if config.devices > 1 else "auto"
    precision = resolve_precision(config.precision, device)
    return Fabric(
        accelerator=device,
        devices=config.devices,
        strategy=strategy,
        precision=precision,  # type: ignore[arg-type]
    )
