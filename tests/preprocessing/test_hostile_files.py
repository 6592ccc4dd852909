from __future__ import annotations

import contextlib
import io
import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from encoded import encode, encode_turned, every_kind, scene
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from midrib.errors import NotAPictureError, PictureError, PictureTooLargeError
from midrib.preprocessing import DecodeLimits, decode
from midrib.preprocessing.jpeg_scans import count_scans

# Pillow's words about odd metadata are no errors of the picture.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

KINDS = every_kind()
MAGIC = (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"BM", b"II*\0", b"MM\0*")
_START_OF_SCAN = b"\xff\xda"
_DECODE_WITH_LITTLE_MEMORY = """
import json, re, resource, sys
from pathlib import Path
from midrib.errors import PictureError
from midrib.preprocessing import decode
decode(Path(sys.argv[1]).read_bytes())
size = int(re.search(r"VmSize:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (size + (64 << 20),) * 2)
for name in sys.argv[2:]:
    try:
        decode(Path(name).read_bytes())
    except PictureError as problem:
        print(json.dumps(problem.as_record()))
"""


def refused_or_same(data: bytes, whole: bytes, at_least: tuple[int, int]) -> bool:
    try:
        pixels = decode(data, at_least=at_least)
    except PictureError:
        return True
    return np.array_equal(pixels, decode(whole, at_least=at_least))


def png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def png_that_claims(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1 << 16))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        png_chunk(kind, content)
        for kind, content in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    )


def jpeg_that_claims(width: int, height: int, *, progressive: bool = False) -> bytes:
    data = bytearray(encode(scene(16, 16), "JPEG", progressive=progressive))
    frame = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    struct.pack_into(">HH", data, frame + 5, height, width)
    return bytes(data)


def bmp_that_claims(width: int, height: int) -> bytes:
    data = bytearray(encode(scene(16, 16), "BMP"))
    struct.pack_into("<ii", data, 18, width, height)
    return bytes(data)


def tiff_that_claims(width: int, height: int) -> bytes:
    entries = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: 8}
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    return b"II*\0\x10\0\0\0" + bytes(8) + struct.pack("<H", len(entries)) + directory + bytes(4)


def webp_that_claims(width: int, height: int) -> bytes:
    size = ((height - 1) << 14 | (width - 1)).to_bytes(4, "little")
    content = b"VP8L" + struct.pack("<I", 40) + b"\x2f" + size + bytes(35)
    return b"RIFF" + struct.pack("<I", len(content) + 4) + b"WEBP" + content


CLAIMS = {
    "PNG": png_that_claims(65_536, 65_536),
    "JPEG": jpeg_that_claims(65_500, 65_500),
    "JPEG progressive": jpeg_that_claims(65_500, 65_500, progressive=True),
    "BMP": bmp_that_claims(65_536, 65_536),
    "TIFF": tiff_that_claims(65_536, 65_536),
    "WebP": webp_that_claims(16_383, 16_383),
}


@given(kind=st.sampled_from(sorted(KINDS)), share=st.floats(0, 1), shrink=st.booleans())
def test_truncated_file_is_refused_or_whole(kind: str, share: float, shrink: bool) -> None:  # noqa: FBT001 - drawn
    """A file cut at any byte is refused, or nothing that it shows was cut off."""
    data = KINDS[kind]
    at_least = (20, 25) if shrink else (0, 0)
    assert refused_or_same(data[: int(share * (len(data) - 1))], data, at_least)


@given(
    kind=st.sampled_from(sorted(KINDS)),
    edits=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=4)),
        min_size=1,
        max_size=6,
    ),
)
def test_damaged_file_raises_nothing_else(kind: str, edits: list[tuple[float, bytes]]) -> None:
    """Whatever bytes are overwritten, the answer is pixels or a PictureError."""
    data = bytearray(KINDS[kind])
    for place, replacement in edits:
        # Squared, for most of what a file says of itself stands at its beginning.
        start = int(place**2 * len(data))
        data[start : start + len(replacement)] = replacement
    with contextlib.suppress(PictureError):
        assert decode(bytes(data), at_least=(6, 8)).ndim == 3


@given(st.sampled_from((b"", *MAGIC)), st.binary(max_size=300))
@example(b"", b"")
def test_any_bytes_are_a_picture_or_refused(magic: bytes, tail: bytes) -> None:
    """Random bytes, with or without a picture's first ones, raise nothing but PictureError."""
    with pytest.raises(PictureError):
        decode(magic + tail)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"Dear Sir or Madam, this is no picture.", "are not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "are not a picture"),
        (b"%PDF-1.7", "are not a picture"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, said: str) -> None:
    """Text or nothing at all, under whatever name, is refused as no picture."""
    with pytest.raises(NotAPictureError, match=said):
        decode(data)


@pytest.mark.parametrize("form", ["GIF", "PPM", "ICO", "JPEG2000", "TGA"])
def test_other_formats_are_not_read(form: str) -> None:
    """Formats that are not promised are refused although Pillow could read them."""
    with pytest.raises(NotAPictureError, match="JPEG, PNG, WebP, BMP or TIFF"):
        decode(encode(scene(32, 32), form))


@pytest.mark.parametrize("form", CLAIMS)
def test_header_that_claims_too_much_is_refused(form: str) -> None:
    """A header with more pixels than allowed is refused by its format's own words."""
    with pytest.raises(PictureTooLargeError, match="expected at most 89,000,000"):
        decode(CLAIMS[form])


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded by Linux's rules")
def test_claims_cost_no_memory(tmp_path: Path) -> None:
    """A process with 64 MiB to spare refuses every exaggerating header, and large whole files."""
    whole = tmp_path / "whole"
    whole.write_bytes(KINDS["PNG"])
    files = {**CLAIMS, "allowed PNG": png_that_claims(9_400, 9_400)}
    for index, data in enumerate(files.values()):
        (tmp_path / str(index)).write_bytes(data)
    paths = [str(tmp_path / str(index)) for index in range(len(files))]
    said = subprocess.run(
        [sys.executable, "-c", _DECODE_WITH_LITTLE_MEMORY, str(whole), *paths],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.splitlines()
    errors = [json.loads(line)["error"] for line in said]
    assert errors == ["PictureTooLargeError"] * len(CLAIMS) + ["PictureError"]


def test_bounds_can_be_set() -> None:
    """Each bound is one that the caller may draw tighter."""
    data = encode(scene(40, 50), "JPEG", progressive=True)
    for limits in ({"max_pixels": 1999}, {"max_aspect": 1.2}, {"max_scans": 9}):
        with pytest.raises(PictureTooLargeError):
            decode(data, limits=DecodeLimits(**limits))
    decode(data, limits=DecodeLimits(max_pixels=2000, max_aspect=1.25, max_scans=10))


@pytest.mark.parametrize("size", [(1, 101), (101, 1), (10_000, 3)])
def test_thin_strips_are_refused(size: tuple[int, int]) -> None:
    """A strip that a resize would blow up without bound is refused."""
    with pytest.raises(PictureTooLargeError, match="is a strip"):
        decode(encode(scene(*size), "PNG"))


@pytest.mark.parametrize("size", [(1, 1), (1, 100), (100, 1)])
def test_small_pictures_are_read(size: tuple[int, int]) -> None:
    """A single pixel or a short line of them is a picture."""
    for form in ("PNG", "JPEG", "BMP", "TIFF"):
        assert decode(encode(scene(*size), form), at_least=(8, 8)).shape == (*size, 3)


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_scan_bomb_is_refused(mode: str) -> None:
    """A progressive JPEG that would be walked over hundreds of times is refused."""
    data = encode(Image.fromarray(scene(64, 64)).convert(mode), "JPEG", progressive=True)
    last = data[data.rindex(_START_OF_SCAN) : -2]
    bomb = data[:-2] + last * 500 + data[-2:]
    assert count_scans(bomb) == count_scans(data) + 500
    with pytest.raises(PictureTooLargeError, match="scans; expected at most 100"):
        decode(bomb, at_least=(8, 8))


def test_jpeg_without_height_is_refused() -> None:
    """A JPEG that leaves its height to a later marker is refused, not divided by."""
    with pytest.raises(PictureError):
        decode(jpeg_that_claims(16, 0))


def test_jpeg_of_twelve_bits_is_refused() -> None:
    """A JPEG of another precision than 8 bits is refused in one sentence."""
    data = bytearray(encode(scene(16, 16), "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(PictureError):
        decode(bytes(data))


def test_text_bomb_in_a_png_is_refused() -> None:
    """A PNG whose comment unpacks to many megabytes is refused before it is unpacked."""
    comment = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50 << 20)))
    data = encode(scene(8, 8), "PNG")
    header_end = 8 + 25
    with pytest.raises(PictureError):
        decode(data[:header_end] + comment + data[header_end:])


def test_broken_exif_is_overlooked() -> None:
    """A picture whose EXIF data is nonsense is read as it is stored."""
    whole = encode_turned(scene(24, 32), "JPEG", 6)
    broken = whole.replace(b"Exif\0\0MM\0*", b"Exif\0\0MM\0!").replace(
        b"Exif\0\0II*\0", b"Exif\0\0II!\0"
    )
    assert broken != whole
    assert decode(broken).shape == (24, 32, 3)


def test_odd_tag_in_a_tiff_is_refused() -> None:
    """A TIFF whose height is a fraction is refused like any other damage."""
    data = bytearray(encode(scene(16, 16), "TIFF"))
    entry = data.index(struct.pack("<HH", 257, 4))
    struct.pack_into("<HHII", data, entry, 257, 5, 1, 8)
    with pytest.raises(PictureError):
        decode(bytes(data))


def test_error_names_the_format() -> None:
    """What cannot be decoded is named by its format, with what to do."""
    stream = io.BytesIO(KINDS["PNG"])
    with pytest.raises(PictureError, match=r"the PNG picture cannot be decoded.*save or copy it"):
        decode(stream.getvalue()[:-200])
