"""A process that replaces a file or a folder again and again until it is killed.

Called as ``generations.py file|folder TARGET``; prints a line after each generation. A file is a
digest and the content that it is of; a folder holds three files of one generation.
"""

from __future__ import annotations

import hashlib
import sys
from itertools import count
from pathlib import Path

from midrib.storage import folder_written_aside, write_bytes

NAMES = ("a", "inner/b", "z")
_SIZE = 50_000


def file_of(generation: int) -> bytes:
    content = str(generation).encode() * _SIZE
    return hashlib.sha256(content).hexdigest().encode() + content


def is_whole(file: bytes) -> bool:
    return hashlib.sha256(file[64:]).hexdigest().encode() == file[:64]


def _write_folder(target: Path, generation: int) -> None:
    with folder_written_aside(target) as aside:
        (aside / "inner").mkdir()
        for name in NAMES:
            (aside / name).write_bytes(file_of(generation))


def main(kind: str, target: Path) -> None:
    for generation in count():
        if kind == "file":
            write_bytes(target, file_of(generation))
        else:
            _write_folder(target, generation)
        sys.stdout.write(f"{generation}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
