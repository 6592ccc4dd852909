"""A network as one ONNX file; a task's model takes uint8 pictures and gives its outputs."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from midrib.packages.card import PICTURES_INPUT
from midrib.preprocessing import Recipe
from midrib.storage import written_aside
from midrib.tasks import TaskModel

OPSET = 18


def export_onnx(model: TaskModel, recipe: Recipe, target: Path) -> Path:
    """Write ``model`` to ``target``, weights inside the one file.

    The batch is dynamic where the model allows it, otherwise of one picture.

    Raises ``StorageError`` when it cannot be written.
    """
    count = 2 if model.dynamic_batch else 1
    pictures = torch.zeros((count, recipe.height, recipe.width, 3), dtype=torch.uint8)
    return write_onnx(model.served(), pictures, target, list(model.outputs))


def write_onnx(network: nn.Module, pictures: Tensor, target: Path, outputs: list[str]) -> Path:
    """Write any network to ``target``, weights inside the one file.

    Args:
        network: pictures to as many tensors as there are names of outputs, all with the count of
            pictures as their first axis.
        pictures: of the size that the file will take: one for a file that takes no more at once,
            or several for a dynamic batch.
        target: the file.
        outputs: their names.

    Raises:
        StorageError: the file cannot be written.
    """
    network = network.to(memory_format=torch.contiguous_format).cpu().eval()
    # Attention as plain products: what fused kernels lay out their own way cannot be reshaped.
    attention = sdpa_kernel(SDPBackend.MATH)
    with warnings.catch_warnings(), _quiet("torch.onnx"), attention:
        # torch's own exporter uses what torch has deprecated; nothing here can be done about it.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (pictures,),
            dynamo=True,
            opset_version=OPSET,
            input_names=[PICTURES_INPUT],
            output_names=outputs,
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},) if len(pictures) > 1 else None,
            verbose=False,
        )
    if program is None:
        raise AssertionError("torch.onnx.export with dynamo=True always returns a program")
    with written_aside(target) as aside:
        onnx.save_model(program.model_proto, aside)
        onnx.checker.check_model(aside, full_check=True)
    return target


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Keep a logger below warnings for a while."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
