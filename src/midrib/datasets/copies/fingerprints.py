"""What a picture looks like in a few bits, the same for any scale and JPEG quality.

The bits are signs of low frequencies of a cosine transform, as in pHash (Zauner, 'Implementation
and Benchmarking of Perceptual Image Hash Functions', 2010), with two changes. A window fades the
picture out towards its edges, so that a slight crop changes few bits. And signs are taken
against zero instead of against the median, so that mirroring and turning a picture only flips
and swaps bits.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from midrib.records import Pixels

Hashes = npt.NDArray[np.uint64]
Grey = npt.NDArray[np.float32]

SIDE = 64
"""Height and width, in pixels, that a picture is shrunk to before it is hashed."""

_FREQUENCIES = 8


class Window(NamedTuple):
    """A part of a picture, in shares of its width and height from the upper left corner."""

    left: float
    top: float
    right: float
    bottom: float


WHOLE = Window(0, 0, 1, 1)
_KEPT = 0.92
_STARTS = (0, 1 - _KEPT)
WINDOWS: tuple[Window, ...] = (
    WHOLE,
    *(Window(cut, cut, 1 - cut, 1 - cut) for cut in (0.04, 0.08, 0.12)),
    *(Window(x, y, x + _KEPT, y + _KEPT) for x, y in product(_STARTS, _STARTS)),
    *(Window(x, 0, x + _KEPT, 1) for x in _STARTS),
    *(Window(0, y, 1, y + _KEPT) for y in _STARTS),
)
"""Parts that are hashed too, so that a cropped copy is found by the part that it shows."""


class Turn(NamedTuple):
    """One of the eight ways to mirror and turn a picture, done in this order."""

    transpose: bool
    upside_down: bool
    mirrored: bool


UNTURNED = Turn(transpose=False, upside_down=False, mirrored=False)
TURNS: tuple[Turn, ...] = tuple(Turn(*bits) for bits in product((False, True), repeat=3))
"""Every way; the first leaves the picture as it is."""


def grey_thumbnail(pixels: Pixels, side: int = SIDE) -> Grey:
    """Shrink a picture to a grey square.

    Args:
        pixels: uint8, height × width × 3 (RGB), upright.
        side: of the square, in pixels; proportions are not kept.

    Returns:
        float32, side × side, 0 to 255.
    """
    picture = Image.fromarray(pixels).convert("L")
    height, width = pixels.shape[:2]
    filtered = Image.Resampling.BOX if min(height, width) >= side else Image.Resampling.BILINEAR
    return np.asarray(picture.resize((side, side), filtered), dtype=np.float32)


def fingerprint(pixels: Pixels) -> Hashes:
    """Hash a picture and the parts of it that a crop might leave.

    Args:
        pixels: uint8, height × width × 3 (RGB), upright; 64 × 64 or more tell enough.

    Returns:
        uint64, one for each of `WINDOWS`: 63 bits, the first is the whole picture's.
    """
    coefficients = _ROWS @ grey_thumbnail(pixels) @ _COLUMNS.transpose(0, 2, 1)
    # The fading lets the mean leak into every frequency: take out what a flat picture would give.
    coefficients -= coefficients[:, :1, :1] / _FLAT[:, :1, :1] * _FLAT
    coefficients[:, 0, 0] = 0
    return _packed(coefficients.reshape(len(WINDOWS), -1) > 0)


def turned(hashes: Hashes, turn: Turn) -> Hashes:
    """The hashes that `WHOLE` pictures would have after a ``turn``; same shape."""
    bits = _unpacked(hashes).reshape(*hashes.shape, _FREQUENCIES, _FREQUENCIES)
    if turn.transpose:
        bits = bits.swapaxes(-1, -2)
    odd = np.arange(_FREQUENCIES) % 2 == 1
    flipped = (odd[:, None] & turn.upside_down) ^ (odd[None, :] & turn.mirrored)
    return _packed((bits ^ flipped).reshape(*hashes.shape, -1))


def turn_pixels(grey: Grey, turn: Turn) -> Grey:
    """A picture, height × width, after a ``turn``."""
    grey = grey.T if turn.transpose else grey
    grey = grey[::-1] if turn.upside_down else grey
    return grey[:, ::-1] if turn.mirrored else grey


def _packed(bits: npt.NDArray[np.bool_]) -> Hashes:
    """64 bits of the last axis as one number; bit 0 of the spectrum, the mean, is the highest."""
    packed: Hashes = np.packbits(bits, axis=-1).view(">u8")[..., 0].astype(np.uint64)
    return packed


def _unpacked(hashes: Hashes) -> npt.NDArray[np.bool_]:
    octets = np.ascontiguousarray(hashes)[..., None].astype(">u8").view(np.uint8)
    return np.unpackbits(octets, axis=-1).astype(bool)


def _basis(low: float, high: float) -> npt.NDArray[np.float64]:
    """Cosines over the part from ``low`` to ``high`` that fade out towards its ends; 8 × side."""
    inside = ((np.arange(SIDE) + 0.5) / SIDE - low) / (high - low)
    fading = np.sin(np.pi * np.clip(inside, 0, 1))
    waves: npt.NDArray[np.float64] = fading * np.cos(
        np.pi * np.arange(_FREQUENCIES)[:, None] * inside
    )
    return waves


_ROWS = np.stack([_basis(window.top, window.bottom) for window in WINDOWS])
_COLUMNS = np.stack([_basis(window.left, window.right) for window in WINDOWS])
_FLAT = _ROWS.sum(axis=2)[:, :, None] * _COLUMNS.sum(axis=2)[:, None, :]
