from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
import simplejpeg
from encoded import encode, scene
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from midrib.errors import PictureError
from midrib.preprocessing import Recipe, decode, read_picture, resize
from midrib.preprocessing.jpeg_scans import count_scans, without_detail
from midrib.records import Pixels

FACTORS = (1, 2, 4, 8)
CODINGS = st.fixed_dictionaries(
    {
        "quality": st.integers(5, 100),
        "subsampling": st.sampled_from(["4:4:4", "4:2:2", "4:2:0"]),
        "progressive": st.booleans(),
    }
)
SAMPLINGS = (
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
)


def with_turbo(data: bytes, size: tuple[int, int], factor: int) -> Pixels:
    height, width = (-(-side // factor) for side in size)
    pixels: Pixels = simplejpeg.decode_jpeg(data, "RGB", min_height=height, min_width=width)
    return pixels


@given(
    height=st.integers(16, 130),
    width=st.integers(16, 130),
    factor=st.sampled_from(FACTORS),
    coding=CODINGS,
    channels=st.sampled_from([1, 3]),
)
def test_is_what_pillow_decodes_at_the_same_factor(
    height: int, width: int, factor: int, coding: dict[str, object], channels: int
) -> None:
    """At 1/1 to 1/8 the pixels are Pillow's, whatever the coding."""
    pixels = scene(height, width) if channels == 3 else scene(height, width)[..., 0].copy()
    data = encode(pixels, "JPEG", **coding)
    expected = Image.open(io.BytesIO(data))
    expected.draft(None, (width // factor, height // factor))
    ours = decode(data, at_least=(-(-height // factor), -(-width // factor)))
    np.testing.assert_allclose(
        ours.astype(int), np.asarray(expected.convert("RGB")).astype(int), atol=2
    )


@given(
    height=st.integers(8, 130),
    width=st.integers(8, 130),
    quality=st.integers(5, 100),
    sampling=st.sampled_from(SAMPLINGS),
)
def test_detail_is_left_out_without_a_trace(
    height: int, width: int, quality: int, sampling: int
) -> None:
    """A progressive JPEG without its detail scans has the very pixels at 1/8."""
    options = [
        *(cv2.IMWRITE_JPEG_QUALITY, quality),
        *(cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling),
    ]
    data = cv2.imencode(".jpg", scene(height, width), options)[1].tobytes()
    smaller = without_detail(data)
    assert smaller is not None
    assert count_scans(smaller) < count_scans(data)
    np.testing.assert_array_equal(
        with_turbo(smaller, (height, width), 8), with_turbo(data, (height, width), 8)
    )


def test_damage_in_the_detail_is_found_where_asked_for() -> None:
    """A file damaged where a small picture does not look is refused when every scan is read."""
    whole = encode(scene(160, 200), "JPEG", progressive=True)
    last_scan = whole.rindex(b"\xff\xda")
    damaged = whole[: last_scan + 100] + whole[-100:]
    np.testing.assert_array_equal(
        decode(damaged, at_least=(20, 25)), decode(whole, at_least=(20, 25))
    )
    with pytest.raises(PictureError, match="premature end"):
        decode(damaged, at_least=(20, 25), every_scan=True)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
def test_shared_quantisation_table_is_minded(subsampling: str) -> None:
    """Where luma and chroma share a table, chroma keeps its detail."""
    data = encode(
        scene(96, 128), "JPEG", progressive=True, subsampling=subsampling, qtables=[[7] * 64]
    )
    np.testing.assert_array_equal(decode(data, at_least=(12, 16)), with_turbo(data, (96, 128), 8))


def test_nothing_is_left_out_where_it_cannot_be() -> None:
    """Sequential, grey-free, cut and foreign data are left as they are."""
    progressive = encode(scene(64, 64), "JPEG", progressive=True)
    for data in (encode(scene(64, 64), "JPEG"), progressive[:-2], progressive[:40], b"", b"\xff"):
        assert without_detail(data) is None


@given(st.binary(max_size=200))
def test_walk_over_any_bytes_ends(tail: bytes) -> None:
    """Scans are counted and left out without an exception whatever the bytes are."""
    for data in (tail, b"\xff\xd8\xff\xc2" + tail, b"\xff\xd8" + tail.replace(b"\x00", b"\xff")):
        assert count_scans(data) >= 0
        without_detail(data)


@pytest.mark.parametrize(("progressive", "scans"), [(False, 1), (True, 10)])
def test_scans_are_counted(progressive: bool, scans: int) -> None:  # noqa: FBT001 - a table's column
    """A sequential JPEG has one scan, libjpeg's usual progression ten."""
    assert count_scans(encode(scene(64, 64), "JPEG", progressive=progressive)) == scans


def test_thumbnail_inside_counts_for_nothing() -> None:
    """A JPEG that carries another one in its EXIF data has its own scans only."""
    thumbnail = encode(scene(32, 32), "JPEG", progressive=True)
    exif = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + thumbnail
    assert count_scans(encode(scene(64, 64), "JPEG", exif=exif)) == 1


@given(
    at_least=st.tuples(st.integers(1, 900), st.integers(1, 900)),
    size=st.tuples(st.integers(20, 300), st.integers(20, 300)),
)
def test_never_smaller_than_asked_for(at_least: tuple[int, int], size: tuple[int, int]) -> None:
    """The result has at least the size asked for, or the picture's own."""
    pixels = decode(encode(scene(*size), "JPEG"), at_least=at_least)
    for side, least, full in zip(pixels.shape, at_least, size, strict=False):
        assert side >= min(least, full)


def test_formats_other_than_jpeg_are_decoded_in_full(small: Pixels) -> None:
    """A size asked for changes nothing where a format cannot be decoded smaller."""
    np.testing.assert_array_equal(decode(encode(small, "PNG"), at_least=(8, 8)), small)


@pytest.mark.parametrize("kernel", ["bilinear", "bicubic"])
def test_shrinking_while_decoding_is_close_to_full_decoding(large_jpeg: bytes, kernel: str) -> None:
    """A photograph read with shrink-on-load differs by few levels from one read in full."""
    recipe = Recipe(height=112, width=112, filter=kernel)
    near = read_picture(large_jpeg, recipe).astype(int)
    full = resize(decode(large_jpeg), recipe)
    top, left = (full.shape[0] - 112) // 2, (full.shape[1] - 112) // 2
    assert np.abs(near - full[top : top + 112, left : left + 112]).mean() < 2.5
