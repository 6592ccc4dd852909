"""Semantic segmentation: a class for every pixel, by decoders over any backbone's pyramid."""

from midrib.tasks.segmentation.decoders import DECODERS, Decoder, DecoderKind, DecoderMaker
from midrib.tasks.segmentation.network import Segmenter, ServedSegmenter

__all__ = ["DECODERS", "Decoder", "DecoderKind", "DecoderMaker", "Segmenter", "ServedSegmenter"]
