"""The scans of a JPEG file: how many there are, and which of them a small picture needs.

Markers as in ITU-T T.81, annex B; progressive scans as in annex G.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

_START_OF_IMAGE, _END_OF_IMAGE, _START_OF_SCAN = 0xD8, 0xD9, 0xDA
_QUANTISATION_TABLES = 0xDB
_SEQUENTIAL_FRAMES = frozenset({0xC0, 0xC1})
_PROGRESSIVE_FRAME = 0xC2
_ALONE = frozenset({0x01, _START_OF_IMAGE})  # markers without a segment
# Fill bytes, stuffed bytes and restart markers are no markers of their own.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_COEFFICIENTS = 64


@dataclass(frozen=True, slots=True)
class _Segment:
    marker: int
    start: int
    """Offset of the marker; the segment's length stands 2 bytes on, its payload 4 bytes on."""


@dataclass(frozen=True, slots=True)
class _Component:
    sampling: int
    """Horizontal and vertical factor, 4 bits each."""

    quantisation_table: int


def count_scans(data: bytes) -> int:
    """How often a decoder has to walk over the picture."""
    scans, all_components = 0, b"none"
    for segment in _segments(data):
        if segment.marker in _SEQUENTIAL_FRAMES:
            all_components = data[segment.start + 9 : segment.start + 10]
        if segment.marker == _START_OF_SCAN:
            scans += 1
            if data[segment.start + 4 : segment.start + 5] == all_components:
                break  # the whole of a sequential picture: decoders refuse any further scan
    return scans


def without_detail(data: bytes) -> bytes | None:
    """Leave out the scans that do not change a progressive JPEG decoded at 1/8 of its size.

    At 1/8 each block of 8 × 8 becomes one pixel, its mean, which the DC coefficient alone tells;
    only a component that is stored at less than full resolution still needs its other
    coefficients. Those left out are most of the file, and their decoding most of the time.

    Returns:
        A JPEG with the same pixels at 1/8, or None where nothing can be left out safely: it is
        not progressive, not whole, or shares a quantisation table in a way that forbids it.
    """
    try:
        return _keep_means(data, list(_segments(data)))
    except (IndexError, ValueError):
        return None  # malformed: the decoder tells what is wrong better than could be told here


def _keep_means(data: bytes, segments: list[_Segment]) -> bytes | None:
    frame = next((segment for segment in segments if segment.marker == _PROGRESSIVE_FRAME), None)
    if frame is None or segments[-1].marker != _END_OF_IMAGE:
        return None
    components = _components(data, frame)
    full = max(component.sampling for component in components.values())
    mean_suffices = {key for key, component in components.items() if component.sampling == full}
    tables = {components[key].quantisation_table for key in mean_suffices}
    others = {components[key].quantisation_table for key in components.keys() - mean_suffices}
    if tables & others:
        return None
    kept = [data[:2]]
    for segment, following in pairwise(segments):
        piece = data[segment.start : following.start]
        if segment.marker == _START_OF_SCAN and _details_only(piece, mean_suffices):
            continue
        kept.append(_flatten(piece, tables) if segment.marker == _QUANTISATION_TABLES else piece)
    return b"".join([*kept, bytes([0xFF, _END_OF_IMAGE])])


def _segments(data: bytes) -> Iterator[_Segment]:
    """Every marker from the first after the start to the end of the image, as decoders find them.

    Between segments, and through the entropy-coded data of a scan, decoders skip to the next
    marker; so does this.
    """
    position = 2
    while (found := _MARKER.search(data, position)) is not None:
        start, marker = found.start(), data[found.start() + 1]
        if marker in _ALONE:
            position = start + 2
            continue
        yield _Segment(marker, start)
        if marker == _END_OF_IMAGE:
            return
        position = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")


def _components(data: bytes, frame: _Segment) -> dict[int, _Component]:
    """Component identifier to what the frame header says of it."""
    header = data[frame.start + 10 : frame.start + 10 + 3 * data[frame.start + 9]]
    return {
        key: _Component(sampling, table)
        for key, sampling, table in zip(header[::3], header[1::3], header[2::3], strict=True)
    }


def _details_only(scan: bytes, mean_suffices: set[int]) -> bool:
    """Whether a scan holds nothing but AC coefficients of one component that needs none."""
    components = scan[4]
    first_coefficient = scan[5 + 2 * components]
    return components == 1 and first_coefficient > 0 and scan[5] in mean_suffices


def _flatten(segment: bytes, tables: set[int]) -> bytes:
    """Set the AC quantisers of ``tables`` to zero: no coefficient is left that they would scale.

    libjpeg guesses AC coefficients that it misses (block smoothing) unless a quantiser is zero.
    """
    flat = bytearray(segment)
    position = 4
    while position < len(flat):
        width = 2 if flat[position] >> 4 else 1
        ac_start, end = position + 1 + width, position + 1 + _COEFFICIENTS * width
        if flat[position] & 0x0F in tables:
            flat[ac_start:end] = bytes(end - ac_start)
        position = end
    return bytes(flat)
