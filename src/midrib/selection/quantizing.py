"""An int8 file for what it costs: quantized on noise, so its answers are worth nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from midrib.config import Config
from midrib.errors import MissingExtraError
from midrib.packages.card import PICTURES_INPUT
from midrib.records import PixelBatch
from midrib.storage import written_aside

INT8_FILE = "int8.onnx"
_PICTURES = 4
_COARSE = 8


class QuantizeRequest(Config):
    """The float file, with the height and width of its input in pixels, and the file to write."""

    source: Path
    target: Path
    height: int
    width: int


def quantize(request: dict[str, Any]) -> None:
    """Write the file of 8-bit integers, weights and activations."""
    wanted = QuantizeRequest(**request)
    try:
        import nncf
        import onnx
        from nncf.quantization.advanced_parameters import (
            AdvancedQuantizationParameters,
            QuantizationParameters,
        )
    except ModuleNotFoundError as missing:
        raise MissingExtraError(f"int8 ({missing.name})", extra="lab") from None

    pictures = noise_pictures(_PICTURES, wanted.height, wanted.width)
    quantized = nncf.quantize(
        onnx.load_model(wanted.source),
        nncf.Dataset([{PICTURES_INPUT: picture[np.newaxis]} for picture in pictures]),
        target_device=nncf.TargetDevice.CPU,
        subset_size=len(pictures),
        advanced_parameters=AdvancedQuantizationParameters(
            # One scale a tensor: ONNX Runtime refuses the one a channel that NNCF would give the
            # activations of depthwise layers (QLinearConv, 'zero point must be a scalar').
            activations_quantization_params=QuantizationParameters(per_channel=False),
            # It moves answers, not the cost.
            disable_bias_correction=True,
        ),
    )
    with written_aside(wanted.target) as aside:
        onnx.save_model(quantized, aside)


def noise_pictures(count: int, height: int, width: int) -> PixelBatch:
    """Soft noise, the same at every call: uint8, count × height × width × 3, 0 to 255."""
    from PIL import Image

    coarse = np.random.default_rng(0).integers(0, 256, (count, _COARSE, _COARSE, 3), dtype=np.uint8)
    resized = [Image.fromarray(one).resize((width, height)) for one in coarse]
    return np.stack([np.asarray(picture, dtype=np.uint8) for picture in resized])
