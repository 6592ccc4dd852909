"""Pictures to encode, and encoded pictures of every kind."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from midrib.records import Pixels

ORIENTATION = 0x0112


def scene(height: int, width: int, *, seed: int = 0) -> Pixels:
    """Smooth colours with some noise, unlike under every flip and turn."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    colours = np.stack(
        [
            255 * rows / max(1, height - 1),
            255 * columns / max(1, width - 1),
            127 + 100 * np.sin(rows / 7) * np.cos(columns / 5),
        ],
        axis=2,
    )
    noise = np.random.default_rng(seed).normal(0, 4, colours.shape)
    return np.clip(colours + noise, 0, 255).astype(np.uint8)


def encode(picture: Image.Image | Pixels, form: str, **options: Any) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def encode_turned(pixels: Pixels, form: str, orientation: int, **options: Any) -> bytes:
    """Encode with the EXIF tag that says how to turn the picture upright."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encode(pixels, form, exif=exif, **options)


def every_kind() -> dict[str, bytes]:
    """One small file of every format and coding that is read."""
    pixels = scene(48, 64)
    image = Image.fromarray(pixels)
    grey16 = pixels[..., 0].astype(np.uint16) * 257
    return {
        "JPEG": encode(image, "JPEG"),
        "JPEG progressive": encode(image, "JPEG", progressive=True),
        "JPEG grey": encode(image.convert("L"), "JPEG"),
        "JPEG CMYK": encode(image.convert("CMYK"), "JPEG"),
        "JPEG large": encode(scene(160, 200), "JPEG"),
        "JPEG large progressive": encode(scene(160, 200), "JPEG", progressive=True),
        "MPO": encode(image, "MPO", save_all=True, append_images=[image.rotate(180)]),
        "PNG": encode(image, "PNG"),
        "PNG palette": encode(image.quantize(32), "PNG"),
        "PNG alpha": encode(image.convert("LA"), "PNG"),
        "PNG 16 bit": encode(grey16, "PNG"),
        "WebP": encode(image, "WEBP"),
        "WebP lossless": encode(image, "WEBP", lossless=True),
        "BMP": encode(image, "BMP"),
        "TIFF": encode(image, "TIFF"),
        "TIFF deflate": encode(image, "TIFF", compression="tiff_adobe_deflate"),
        "TIFF JPEG": encode(image, "TIFF", compression="jpeg"),
        "TIFF 16 bit": encode(grey16, "TIFF"),
    }
