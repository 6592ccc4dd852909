"""The model itself in torch, as a notebook would run it."""

from __future__ import annotations

import torch

from midrib.records import Outputs, PixelBatch
from midrib.selection.untrained import untrained_classifier
from midrib.tasks import ServedClassifier


class EagerModel:
    """An untrained classifier over a backbone, not compiled and not exported.

    Args:
        backbone: its name.
        size: height and width of its input, or None for its native size.
        device: torch's name of where it runs.
        threads: how many a call may use on the CPU.
    """

    def __init__(self, backbone: str, size: int | None, device: str, threads: int) -> None:
        torch.set_num_threads(threads)
        self._device = torch.device(device)
        self._model = ServedClassifier(untrained_classifier(backbone, size)).to(self._device).eval()

    @torch.inference_mode()
    def run(self, pictures: PixelBatch) -> Outputs:
        """Answer a batch: uint8, count × height × width × 3."""
        answer, embedding = self._model(torch.from_numpy(pictures).to(self._device))
        return Outputs(answer=answer.cpu().numpy(), embedding=embedding.cpu().numpy())
