"""Whether a file that does not decode ends before its format says that it should."""

from __future__ import annotations

_JPEG, _PNG, _RIFF, _BMP = b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF", b"BM"
_SCAN, _END = b"\xff\xda", b"\xff\xd9"


def is_cut_off(data: bytes) -> bool:
    """Whether an encoded JPEG, PNG, WebP or BMP lacks its end; False where nothing says so."""
    if data.startswith(_JPEG):
        # Neither marker can stand within coded pixels; a thumbnail's own end lies before them.
        return data.find(_END, max(0, data.rfind(_SCAN))) < 0 or _SCAN not in data
    if data.startswith(_PNG):
        return b"IEND" not in data
    if data.startswith(_RIFF):
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    if data.startswith(_BMP):
        return int.from_bytes(data[2:6], "little") > len(data)
    return False
