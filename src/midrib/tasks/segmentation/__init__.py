"""Semantic segmentation: a class for every pixel, by decoders over any backbone's pyramid."""

from midrib.tasks.segmentation.decoders import (
    DECODERS,
    Decoder,
    DecoderKind,
    DecoderMaker,
    strides_read,
)
from midrib.tasks.segmentation.network import Segmenter, ServedSegmenter

__all__ = [
    "DECODERS",
    "Decoder",
    "DecoderKind",
    "DecoderMaker",
    "Segmenter",
    "ServedSegmenter",
    "strides_read",
]
