from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from encoded import encode, encode_turned, every_kind, scene
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from midrib.errors import PictureError
from midrib.preprocessing import decode
from midrib.records import Pixels


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_lossless_formats_give_the_very_pixels(
    small: Pixels, form: str, options: dict[str, object]
) -> None:
    """What a lossless format stores is what is read."""
    np.testing.assert_array_equal(decode(encode(small, form, **options)), small)


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "MPO"])
def test_lossy_formats_give_nearly_the_pixels(small: Pixels, form: str) -> None:
    """A lossy format at high quality is read within a few levels."""
    pixels = decode(encode(small, form, quality=95))
    assert np.abs(pixels.astype(int) - small).mean() < 4


@pytest.mark.parametrize("kind", every_kind())
def test_every_kind_is_rgb_of_its_size(kind: str) -> None:
    """Whatever the file holds, the result is uint8 RGB of its height and width."""
    data = every_kind()[kind]
    pixels = decode(data)
    assert pixels.dtype == np.uint8
    assert pixels.shape == ((160, 200, 3) if "large" in kind else (48, 64, 3))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("form", "options"),
    [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {}), ("TIFF", {})],
)
def test_pictures_stand_upright(
    small: Pixels, form: str, options: dict[str, object], orientation: int
) -> None:
    """Each EXIF orientation is undone as Pillow undoes it."""
    data = encode_turned(small, form, orientation, **options)
    with Image.open(io.BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    np.testing.assert_allclose(decode(data).astype(int), np.asarray(upright).astype(int), atol=2)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_smaller_decoding_minds_the_orientation(orientation: int) -> None:
    """Height and width that must be kept are those of the upright picture."""
    data = encode_turned(scene(160, 640), "JPEG", orientation)
    upright = decode(data)
    wide = decode(data, at_least=(upright.shape[0] // 4, upright.shape[1] // 4))
    assert wide.shape[:2] == (upright.shape[0] // 4, upright.shape[1] // 4)


@pytest.mark.parametrize("orientation", [0, 9, 255, 65535])
def test_orientations_that_do_not_exist_turn_nothing(small: Pixels, orientation: int) -> None:
    """A tag with a value outside 1 to 8 is no reason to turn or to refuse."""
    np.testing.assert_array_equal(decode(encode_turned(small, "PNG", orientation)), small)


def test_grey_fills_all_channels(small: Pixels) -> None:
    """A grey picture has three equal channels."""
    for form in ("JPEG", "PNG", "BMP", "TIFF"):
        pixels = decode(encode(small[..., 0].copy(), form))
        assert (pixels == pixels[..., :1]).all()


def test_cmyk_is_converted(small: Pixels) -> None:
    """A CMYK JPEG is read as Pillow converts it, in full and smaller."""
    data = encode(Image.fromarray(scene(80, 96)).convert("CMYK"), "JPEG", quality=95)
    expected = Image.open(io.BytesIO(data)).convert("RGB")
    np.testing.assert_array_equal(decode(data), np.asarray(expected))
    assert decode(data, at_least=(20, 24)).shape == (20, 24, 3)
    assert decode(encode(Image.fromarray(small).convert("CMYK"), "TIFF")).shape == small.shape


@given(alpha=st.integers(0, 255), colour=st.tuples(*[st.integers(0, 255)] * 3))
def test_transparency_lies_on_white(alpha: int, colour: tuple[int, int, int]) -> None:
    """A transparent pixel is mixed with white by its alpha."""
    pixels = decode(encode(Image.new("RGBA", (4, 4), (*colour, alpha)), "PNG"))
    mixed = np.array(colour) * (alpha / 255) + 255 * (1 - alpha / 255)
    np.testing.assert_allclose(pixels[0, 0], mixed, atol=1.01)


def test_transparent_palette_entry_lies_on_white() -> None:
    """A palette colour marked as transparent becomes white, the others stay."""
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    pixels = decode(encode(image, "PNG", transparency=1))
    assert pixels[0].tolist() == [[10, 20, 30], [255, 255, 255]]


def test_palette_is_looked_up(small: Pixels) -> None:
    """A palette picture is read in its colours."""
    quantised = Image.fromarray(small).quantize(32)
    for form in ("PNG", "BMP", "TIFF"):
        np.testing.assert_array_equal(
            decode(encode(quantised, form)), np.asarray(quantised.convert("RGB"))
        )


def test_black_and_white_is_0_and_255() -> None:
    """A picture of one bit a pixel uses the whole range."""
    image = Image.fromarray(np.eye(9, dtype=bool))
    for form in ("PNG", "BMP", "TIFF"):
        np.testing.assert_array_equal(
            decode(encode(image, form)), np.eye(9, dtype=np.uint8)[..., None].repeat(3, 2) * 255
        )


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@given(level=st.integers(0, 255))
def test_sixteen_bits_scale_to_eight(form: str, level: int) -> None:
    """A 16-bit grey level times 257 is the 8-bit level that it came from."""
    grey = np.full((3, 5), level * 257, np.uint16)
    assert (decode(encode(grey, form)) == level).all()


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bit_colour_scales_to_eight(small: Pixels, suffix: str) -> None:
    """A 16-bit colour picture gives the 8-bit picture that it was scaled from."""
    wide = cv2.cvtColor(small, cv2.COLOR_RGB2BGR).astype(np.uint16) * 257
    encoded = cv2.imencode(suffix, wide)[1].tobytes()
    np.testing.assert_array_equal(decode(encoded), small)


def test_pixels_without_a_range_are_refused() -> None:
    """Floating point and 32-bit integers have no meaning in 8 bits."""
    with pytest.raises(PictureError, match="floating point pixels have no fixed range"):
        decode(encode(Image.new("F", (4, 4), 0.5), "TIFF"))
    with pytest.raises(PictureError, match="do not fit 16 bits"):
        decode(encode(Image.new("I", (4, 4), 70_000), "TIFF"))


def test_first_frame_of_several_is_read(small: Pixels) -> None:
    """Of a file with several pictures the first one counts."""
    frames = {"save_all": True, "append_images": [Image.fromarray(255 - small)]}
    for form, options in {"TIFF": {}, "PNG": {}, "WEBP": {"lossless": True}}.items():
        np.testing.assert_array_equal(decode(encode(small, form, **frames, **options)), small)


def test_stray_bytes_between_markers_harm_no_pixel(small: Pixels) -> None:
    """A JPEG with bytes too many before its end is read as without them."""
    data = encode(small, "JPEG")
    np.testing.assert_array_equal(decode(data[:-2] + b"\x01\x02\x03" + data[-2:]), decode(data))


def test_bytes_after_the_end_harm_no_pixel(small: Pixels) -> None:
    """What follows a whole JPEG, as phones append it, is not looked at."""
    for options in ({}, {"progressive": True}):
        data = encode(small, "JPEG", **options)
        np.testing.assert_array_equal(decode(data + b"SEFT\xff\xda"), decode(data))
