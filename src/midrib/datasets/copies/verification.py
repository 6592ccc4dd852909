"""Whether two pictures are copies of one, told from their aligned pixels.

Pictures of one kind of thing may agree closely: neighbouring solar cells are cut from one crystal
and show the same grain. A copy agrees better still. So the finest structure, which JPEG and
scaling destroy, and broad light and shade, which brightness settings change, are both left out,
and what remains must differ by no more than saving a picture again explains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from midrib.datasets.copies.alignment import COARSE_TO_FINE, Aligned, align, gaussian, least_squares
from midrib.datasets.copies.fingerprints import UNTURNED, WHOLE, Grey, Turn, Window, turn_pixels
from midrib.records import Pixels

SIDE = 128
"""Height and width, in pixels, at which pictures are compared."""

COPY_FROM = 0.95
"""Similarity from which two pictures are taken for copies; docs/splits.md has the evidence."""

_FINEST, _COARSEST = 3.5, 14.0  # pixels: deviations of the Gaussians that bound what is compared
_LEAST_STRUCTURE = 1.0  # grey levels: a picture with less is flat, and like any other flat one
# Aligned but for some pixels, then for a fraction of one, a copy has more than that.
_LEAST_SIMILAR = (0.25, 0.8, COPY_FROM)
_REACHES_OUT = 0.01
_LEAST_TURNED_ROUND = 0.4  # below it, pictures that reach out are not worth a second look
_BORDER = 6  # pixels: crops and smoothing make the edges uncertain
_LEAST_SHARED = 0.4  # of the first picture's pixels


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far two pictures are the same one.

    ``similarity`` is 1 less the difference of their structure, root mean square, as a share of
    the structure itself: 1 for the same pixels, 0 where nothing agrees, the pictures cannot be
    aligned or are too flat to tell. ``window`` is the part of the second picture that the first
    one shows, mirrored and turned by ``turn``.
    """

    similarity: float
    turn: Turn
    window: Window

    @property
    def copies(self) -> bool:
        """Whether they are taken for copies."""
        return self.similarity >= COPY_FROM


def comparable(pixels: Pixels) -> Grey:
    """A picture as `compare` takes it.

    Args:
        pixels: uint8, height × width × 3 (RGB), upright.

    Returns:
        float32, 128 × 128, 0 to 255; proportions are not kept.
    """
    # A wide filter: what aliases differs between two sizes of one picture.
    picture = Image.fromarray(pixels).convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(picture, dtype=np.float32)


def compare(
    first: Grey, second: Grey, *, turn: Turn = UNTURNED, window: Window = WHOLE
) -> Comparison:
    """Align two pictures and compare them.

    Args:
        first: float32, 128 × 128, as `comparable` gives it.
        second: the same of the other.
        turn: how the first one has to be turned to look like the second.
        window: the part of the second one that the first one shows, roughly.
    """
    first = np.ascontiguousarray(turn_pixels(first, turn))
    similarity, window = _laid_over(first, second, window)
    if _LEAST_TURNED_ROUND < similarity < COPY_FROM and _reach(window) > _REACHES_OUT:
        # The first one shows more than the second: what lies beyond its edge would be guessed.
        back, around = _laid_over(second, first, _inverse(window))
        if back > similarity:
            similarity, window = back, _inverse(around)
    return Comparison(similarity, turn, window)


def _laid_over(first: Grey, second: Grey, window: Window) -> tuple[float, Window]:
    """How far ``first`` agrees with what lies under it in ``second``, and where that is."""
    similarity = 0.0
    for level, least in zip(COARSE_TO_FINE, _LEAST_SIMILAR, strict=True):
        aligned = align(first, second, window, (level,))
        if aligned is None:
            break
        similarity, window = _agreement(first, aligned), aligned.window
        if similarity < least:
            break
    return similarity, window


def _reach(window: Window) -> float:
    """How far a window reaches out of the picture, as a share of its sides."""
    return max(-window.left, -window.top, window.right - 1, window.bottom - 1)


def _inverse(window: Window) -> Window:
    """Where the picture that a window is a part of lies in what that window shows."""
    width, height = window.right - window.left, window.bottom - window.top
    return Window(
        -window.left / width,
        -window.top / height,
        (1 - window.left) / width,
        (1 - window.top) / height,
    )


def _agreement(first: Grey, aligned: Aligned) -> float:
    shared = aligned.inside.copy()
    shared[:_BORDER] = shared[-_BORDER:] = shared[:, :_BORDER] = shared[:, -_BORDER:] = False
    if shared.mean() < _LEAST_SHARED:
        return 0.0
    shared = shared[::2, ::2] & shared[1::2, 1::2]
    one = _structure(first)[shared]
    other = _structure(_with_brightness_of(first, aligned))[shared]
    size = min(_root_mean_square(one), _root_mean_square(other))
    if size < _LEAST_STRUCTURE:
        return 0.0
    return max(0.0, 1 - _root_mean_square(one - other) / size)


def _with_brightness_of(first: Grey, aligned: Aligned) -> Grey:
    """The aligned pixels, their brightness bent to the first picture's; gamma is bent back too."""
    under = aligned.pixels / 255
    powers = np.stack([np.ones_like(under), under, under * under], axis=-1)
    bend = least_squares(powers[aligned.inside], first[aligned.inside])
    return np.asarray(powers @ bend, dtype=np.float32)


def _structure(picture: Grey) -> Grey:
    """Neither fine grain nor broad shade, on every other pixel: there is nothing finer left."""
    kept = _FINE @ picture @ _FINE.T - _BROAD @ picture @ _BROAD.T
    return np.asarray(kept, dtype=np.float32)


def _root_mean_square(values: npt.NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(values**2)))


_FINE, _BROAD = gaussian(SIDE, _FINEST)[::2], gaussian(SIDE, _COARSEST)[::2]
