"""What a picture looks like in a few numbers, taken from its small decode, and what EXIF tells."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from midrib.records import Pixels

SIDE_PIXELS = 128
"""Longer side at which all pictures are compared; smaller ones stay as they are."""

BLANK_CONTRAST = 0.01
"""Below it a picture is of one colour, but for noise."""

_TURNED_TAG = ExifTags.Base.Orientation
_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d)[ T](\d\d):(\d\d):(\d\d)", re.ASCII)
_MOST_LETTERS = 80
_LEVELS = 256
_LOW_PERCENT, _HIGH_PERCENT = 5, 99
_REBLUR_TAPS = 9


@dataclass(frozen=True, slots=True)
class Measures:
    """Numbers of one picture, comparable between pictures of any size.

    Of luma, from 0 (black) to 1 (white): ``brightness`` is the mean, ``contrast`` the standard
    deviation, ``low`` and ``high`` what 5 and 99 in a hundred pixels do not exceed. ``entropy`` is
    bits a pixel of the luma's histogram, 0 to 8. ``sharpness`` is 1 less the blur effect of Crete
    et al. (2007): near 0 where blurring once more changes nothing, near 1 for noise.

    ``fingerprint`` is what copies are looked for by, whole numbers of 64 bits; empty where it was
    not taken (see `midrib.datasets.copies`). ``orientation`` is EXIF's, 1 where the pixels stand
    upright; ``taken`` is EXIF's time, 'YYYY-MM-DDTHH:MM:SS' without a time zone; ``camera`` its
    make, model and serial number; both are empty where it tells none.
    """

    brightness: float
    contrast: float
    low: float
    high: float
    entropy: float
    sharpness: float
    fingerprint: tuple[int, ...] = ()
    orientation: int = 1
    taken: str = ""
    camera: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether nothing is to be seen."""
        return self.contrast < BLANK_CONTRAST


@dataclass(frozen=True, slots=True)
class Exif:
    """What of a picture's EXIF matters here."""

    orientation: int = 1
    taken: str = ""
    camera: str = ""
    changed: str = ""
    """When the file was last changed, as a program says that changed it."""


def measure(
    pixels: Pixels, exif: Exif | None = None, fingerprint: tuple[int, ...] = ()
) -> Measures:
    """The measures of an upright picture: uint8, height × width × 3 (RGB).

    ``exif`` and ``fingerprint`` are taken over as they are.
    """
    exif = exif or Exif()
    luma = small_luma(pixels)
    shares = np.bincount(luma.ravel(), minlength=_LEVELS) / luma.size
    levels = np.arange(_LEVELS) / (_LEVELS - 1)
    mean = float(shares @ levels)
    reached = np.cumsum(shares) * 100 + 1e-9  # the last sum may fall short of 100 by rounding
    low, high = (
        float(levels[np.argmax(reached >= most)]) for most in (_LOW_PERCENT, _HIGH_PERCENT)
    )
    there = shares[shares > 0]
    return Measures(
        brightness=mean,
        contrast=float(np.sqrt(shares @ np.square(levels - mean))),
        low=low,
        high=high,
        entropy=max(0.0, -float(there @ np.log2(there))),
        sharpness=sharpness(luma),
        fingerprint=fingerprint,
        orientation=exif.orientation,
        taken=exif.taken,
        camera=exif.camera,
    )


def small_luma(pixels: Pixels) -> NDArray[np.uint8]:
    """Luma of RGB pixels, uint8, height × width, at most `SIDE_PIXELS` on the longer side."""
    image = Image.fromarray(pixels).convert("L")
    image.thumbnail((SIDE_PIXELS, SIDE_PIXELS), Image.Resampling.BILINEAR)
    return np.asarray(image)


def sharpness(luma: NDArray[np.uint8]) -> float:
    """1 less the blur effect: how much of the variation between neighbours a second blur takes.

    Crete, Dolmiere, Ladret, Nicolas: The blur effect: perception and estimation with a new
    no-reference perceptual blur metric, SPIE 6492 (2007). Of the two directions the blurred one
    counts, unless nothing varies along it. A picture without any variation has 0.

    Args:
        luma: height × width.
    """
    values = luma.astype(np.float32)
    along = (_sharpness_along(values), _sharpness_along(values.T))
    return min((each for each in along if each is not None), default=0.0)


def _sharpness_along(values: NDArray[np.float32]) -> float | None:
    """As `sharpness`, of the variation between rows; None where there is none, or too few rows."""
    taps = min(_REBLUR_TAPS, len(values) // 2)
    if taps < 2:
        return None
    sums = np.cumsum(np.pad(values, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
    blurred = (sums[taps:] - sums[:-taps]) / taps
    first = taps // 2
    before = np.abs(np.diff(values[first : first + len(blurred)], axis=0))
    taken = np.maximum(0, before - np.abs(np.diff(blurred, axis=0)))
    whole = float(before.sum())
    return float(taken.sum()) / whole if whole else None


def read_exif(image: Image.Image) -> Exif:
    """Orientation, time and camera that an opened picture tells; pixels are not decoded for it."""
    if image.format == "PNG" and "exif" not in image.info:
        return Exif()  # Pillow would decode the whole picture to look for it behind the pixels
    try:
        exif = image.getexif()
        details = exif.get_ifd(ExifTags.IFD.Exif)
        turned = exif.get(_TURNED_TAG, 1)
        return Exif(
            orientation=turned if isinstance(turned, int) and 1 <= turned <= 8 else 1,
            taken=_time(details.get(ExifTags.Base.DateTimeOriginal)),
            camera=_camera(
                exif.get(ExifTags.Base.Make),
                exif.get(ExifTags.Base.Model),
                details.get(ExifTags.Base.BodySerialNumber),
            ),
            changed=_time(exif.get(ExifTags.Base.DateTime)),
        )
    except (ValueError, TypeError, KeyError, IndexError, SyntaxError, OSError, struct.error):
        return Exif()  # damaged EXIF tells nothing and harms no pixel


def _time(told: object) -> str:
    """The time in ISO's form; empty where there is none, or no clock could show it."""
    found = _TIME.match(told) if isinstance(told, str) else None
    if not found:
        return ""
    try:
        return datetime(*map(int, found.groups())).isoformat()  # type: ignore[arg-type]  # noqa: DTZ001 - cameras tell no zone, six numbers are no tzinfo
    except ValueError:
        return ""


def _camera(*told: object) -> str:
    words = [each.strip("\0 ") for each in told if isinstance(each, str)]
    kept = "".join(letter for letter in " ".join(filter(None, words)) if letter.isprintable())
    return kept[:_MOST_LETTERS]
