"""Encoded bytes to upright RGB pixels, with bounds checked before memory is spent."""

from __future__ import annotations

import io
import struct
import warnings

import numpy as np
import simplejpeg
from PIL import (
    BmpImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from pydantic import Field

from midrib.config import Config
from midrib.errors import NotAPictureError, PictureError, PictureTooLargeError
from midrib.preprocessing.jpeg_scans import count_scans, without_detail
from midrib.preprocessing.orientation import QUARTER_TURNED, Box, Decoded, upright
from midrib.records import Pixels, Size

FORMATS = tuple(
    plugin.format
    for plugin in (
        JpegImagePlugin.JpegImageFile,
        PngImagePlugin.PngImageFile,
        WebPImagePlugin.WebPImageFile,
        BmpImagePlugin.BmpImageFile,
        TiffImagePlugin.TiffImageFile,
    )
)
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})

_PILLOW_REFUSES_FROM = 178_956_970
_ORIENTATION_TAG = 0x0112
_SIXTEEN_BIT_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
_BACKGROUND = (255, 255, 255)
# A JPEG is decoded smaller only by these: other fractions have no fast inverse transform.
_SHRINK_FACTORS = (8, 4, 2)
_MEANS_ONLY_FACTOR = 8


# Pillow warns of odd metadata, which changes no pixel, once for each wording of it.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


class DecodeLimits(Config):
    """Bounds that a picture must keep to before any memory is spent on it."""

    max_pixels: int = Field(default=89_000_000, gt=0, le=_PILLOW_REFUSES_FROM)
    """Width × height as the header tells it."""

    max_aspect: float = Field(default=100.0, ge=1)
    """Longer side over shorter side: a thin strip would grow without bound when it is resized."""

    max_scans: int = Field(default=100, gt=0)
    """Scans of a progressive JPEG: each one walks over the whole picture again."""


DEFAULT_LIMITS = DecodeLimits()

LARGE_LIMITS = DecodeLimits(max_pixels=_PILLOW_REFUSES_FROM)
"""For pictures that are cut into tiles, where nobody else sends them: the most that can be read."""


def decode(
    data: bytes,
    *,
    at_least: tuple[int, int] = (0, 0),
    every_scan: bool = False,
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> Pixels:
    """Decode JPEG, PNG, WebP, BMP or TIFF to upright RGB.

    A JPEG much larger than asked for is decoded at 1/2, 1/4 or 1/8 of its size.

    Args:
        data: the encoded file.
        at_least: height and width, in pixels after orientation, that the result must not fall
            below when the picture itself is as large; (0, 0) decodes in full.
        every_scan: read a progressive JPEG to its end, although a small picture does not need
            all of it: damage anywhere in the file is then found.
        limits: bounds checked against the header.

    Returns:
        uint8, height × width × 3 (RGB), 0 to 255.

    Raises:
        NotAPictureError: the bytes are none of the formats.
        PictureTooLargeError: the header tells more pixels or scans than allowed.
        PictureError: the file is truncated, corrupt or of a kind that has no 8-bit meaning.
    """
    return decode_smaller(data, at_least=at_least, every_scan=every_scan, limits=limits).pixels


def upright_size(data: bytes, limits: DecodeLimits = DEFAULT_LIMITS) -> Size:
    """Height and width of the upright picture, from its header. Raises ``PictureError``."""
    image = _open(data, limits)
    size = Size(image.height, image.width)
    return Size(*size[::-1]) if orientation_of(image) in QUARTER_TURNED else size


def decode_smaller(
    data: bytes,
    *,
    at_least: tuple[int, int],
    every_scan: bool = False,
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> Decoded:
    """As `decode`, and tell which part of the pixels the picture fills."""
    image = _open(data, limits)
    try:
        orientation = orientation_of(image)
        if orientation in QUARTER_TURNED:
            at_least = at_least[::-1]
        if image.format in {"JPEG", "MPO"}:
            _bound_scans(data, limits)
            factor = _shrink_factor((image.height, image.width), at_least)
            needed = data if every_scan else _needed(data, factor)
            decoded = _decode_jpeg(needed, image, factor)
        else:
            decoded = Decoded.whole(np.asarray(_as_rgb(image)))
    except PictureError:
        raise
    except Exception as problem:  # parsers raise whatever a damaged file makes them stumble over
        why = str(problem) or type(problem).__name__
        raise PictureError(
            f"the {image.format} picture cannot be decoded: {why}",
            expected="a whole, valid file",
            todo="open it in a viewer, then save or copy it again",
        ) from problem
    return upright(decoded, orientation)


def _open(data: bytes, limits: DecodeLimits) -> Image.Image:
    """Read the header only."""
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as problem:
        raise PictureTooLargeError(
            f"the picture is too large: {problem}",
            expected=f"at most {limits.max_pixels:,} pixels",
            todo="shrink it",
        ) from None
    except Exception as problem:  # parsers raise whatever a damaged file makes them stumble over
        raise NotAPictureError(
            f"{len(data):,} bytes that start with {data[:8]!r} are not a picture"
            if data
            else "the file is empty",
            expected="a JPEG, PNG, WebP, BMP or TIFF file",
            todo="check what was sent",
        ) from problem
    pixels = image.width * image.height
    if pixels > limits.max_pixels:
        raise PictureTooLargeError(
            f"the picture has {image.width} × {image.height} = {pixels:,} pixels",
            expected=f"at most {limits.max_pixels:,}",
            todo="shrink it, or raise the limit max_pixels",
        )
    aspect = max(image.width, image.height) / max(1, min(image.width, image.height))
    if aspect > limits.max_aspect:
        raise PictureTooLargeError(
            f"the picture is a strip of {image.width} × {image.height} pixels",
            expected=f"sides of at most {limits.max_aspect:g} : 1",
            todo="cut it into pieces, or raise the limit max_aspect",
        )
    return image


def orientation_of(image: Image.Image) -> int:
    """EXIF's orientation of an opened picture as it will be decoded; 1 where EXIF is damaged."""
    if image.format == "TIFF":
        return 1  # Pillow turns a TIFF upright itself while it loads
    try:
        found: int = image.getexif().get(_ORIENTATION_TAG, 1)
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, struct.error):
        return 1  # it says nothing, and harms no pixel
    return found


def _bound_scans(data: bytes, limits: DecodeLimits) -> None:
    scans = count_scans(data)
    if scans > limits.max_scans:
        raise PictureTooLargeError(
            f"the JPEG has {scans:,} scans",
            expected=f"at most {limits.max_scans}",
            todo="save it again as a baseline JPEG",
        )


def _shrink_factor(size: tuple[int, int], at_least: tuple[int, int]) -> int:
    """The largest factor that still leaves height and width at the asked-for minimum."""
    if min(at_least) <= 0:
        return 1
    for factor in _SHRINK_FACTORS:
        if all(-(-side // factor) >= least for side, least in zip(size, at_least, strict=True)):
            return factor
    return 1


def _needed(data: bytes, factor: int) -> bytes:
    """The part of a JPEG that its pixels at 1 / ``factor`` depend on."""
    return (without_detail(data) if factor == _MEANS_ONLY_FACTOR else None) or data


def _decode_jpeg(data: bytes, image: Image.Image, factor: int) -> Decoded:
    if image.mode not in {"L", "RGB"}:
        return _decode_with_pillow(image, factor)
    try:
        pixels = _decode_with_turbo(data, (image.height, image.width), factor)
    except ValueError as problem:
        # Stray bytes between markers are common from cameras and harm no pixel. Pillow reads over
        # them, and still refuses a file that ends too early.
        if "extraneous" not in str(problem):
            raise
        return _decode_with_pillow(image, factor)
    return Decoded(pixels, Box(0, 0, image.width / factor, image.height / factor))


def _decode_with_pillow(image: Image.Image, factor: int) -> Decoded:
    drafted = image.draft(None, (max(1, image.width // factor), max(1, image.height // factor)))
    decoded = Decoded.whole(np.asarray(_as_rgb(image)))
    return decoded if drafted is None else Decoded(decoded.pixels, Box(*drafted[1]))


def _decode_with_turbo(data: bytes, size: tuple[int, int], factor: int) -> Pixels:
    height, width = (-(-side // factor) for side in size)
    pixels: Pixels = simplejpeg.decode_jpeg(data, "RGB", min_height=height, min_width=width)
    return pixels


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode in _SIXTEEN_BIT_MODES:
        wide = np.asarray(image).astype(np.int64)
        if wide.min(initial=0) < 0 or wide.max(initial=0) > 0xFFFF:
            raise ValueError("its integers do not fit 16 bits")
        return Image.fromarray((wide // 257).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ValueError("floating point pixels have no fixed range; save it as 8 or 16 bit")
    if image.has_transparency_data:
        layered = image.convert("RGBA")
        below = Image.new("RGBA", layered.size, (*_BACKGROUND, 255))
        return Image.alpha_composite(below, layered).convert("RGB")
    return image.convert("RGB")
