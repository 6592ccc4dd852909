"""Masks cut to the box that they span, as some tools keep them."""

from __future__ import annotations

import base64
import binascii
import io

import numpy as np
from PIL import Image, UnidentifiedImageError

from midrib.datasets.annotations import XYXY, Rle
from midrib.datasets.formats.objects import Fault
from midrib.datasets.masks import MAX_PIXELS, Mask, decode_mask, encode_mask, span_of

_MAX_CHARACTERS = 1 << 26


def crop(mask: Rle) -> tuple[Mask, tuple[int, int, int, int]]:
    """The mask within the box that it spans, and the box."""
    left, top, right, bottom = (int(value) for value in span_of(mask))
    return decode_mask(mask)[top:bottom, left:right], (left, top, right, bottom)


def placed(part: Mask, corner: tuple[int, int], size: tuple[int, int]) -> Rle:
    """A part in a picture of ``size`` (width, height), at ``corner`` (left, top).

    Raises ``Fault`` where it does not fit in.
    """
    (left, top), (width, height) = corner, size
    bottom, right = top + part.shape[0], left + part.shape[1]
    if left < 0 or top < 0 or right > width or bottom > height:
        told = f"({left}, {top}, {right}, {bottom})"
        raise Fault("beyond the picture", f"the mask {told} lies beyond {width} × {height} pixels")
    whole = np.zeros((height, width), dtype=np.bool_)
    whole[top:bottom, left:right] = part
    return encode_mask(whole)


def cropped_png(mask: Rle) -> tuple[str, XYXY]:
    """The part as PNG in base64, and the box."""
    part, box = crop(mask)
    stream = io.BytesIO()
    Image.fromarray(part).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode("ascii"), box


def from_cropped_png(text: object, corner: tuple[int, int], size: tuple[int, int]) -> Rle:
    """The mask of a PNG in base64 at its place. Raises ``Fault``."""
    if not isinstance(text, str) or len(text) > _MAX_CHARACTERS:
        raise Fault("bad mask", "it has no PNG in base64")
    try:
        data = base64.b64decode(text, validate=True)
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.width > size[0] or image.height > size[1]:
                _too_large(image.size, size)
            part = np.asarray(image.convert("L")) > 0
    except UnidentifiedImageError:
        raise Fault("bad mask", "it is no PNG") from None
    except (binascii.Error, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as why:
        raise Fault("bad mask", f"its PNG cannot be read: {why}") from None
    return placed(part, corner, size)


def _too_large(found: tuple[int, int], size: tuple[int, int]) -> None:
    told = f"{found[0]} × {found[1]}"
    raise Fault("bad mask", f"it has {told} pixels, the picture {size[0]} × {size[1]}")


def row_runs(part: Mask) -> list[int]:
    """Lengths of the runs of 0 and 1 in turn, row by row."""
    flat = part.ravel()
    changes = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate(([0], changes, [flat.size]))).tolist()
    return [0, *runs] if flat[0] else list(runs)


def from_row_runs(runs: list[int], width: int, height: int) -> Mask:
    """The part, height × width, of runs row by row. Raises ``Fault``."""
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise Fault("bad mask", f"a mask of {width} × {height} pixels")
    if any(run < 0 for run in runs):
        raise Fault("bad mask", f"a run of {min(runs):,} pixels")
    if sum(runs) != width * height:
        raise Fault("bad mask", f"its runs cover {sum(runs):,} pixels of {width * height:,}")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape((height, width))
