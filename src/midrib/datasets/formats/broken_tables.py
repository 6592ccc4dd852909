"""Files that would tell of pictures were they whole: no format knows itself in them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

from midrib.datasets.formats.json_streams import require_json
from midrib.datasets.formats.objects import Fault
from midrib.datasets.formats.xml_reading import elements
from midrib.datasets.records import Problem


def broken_tables(folder: Path) -> list[Problem]:
    """Each visible JSON or XML file directly in ``folder`` that is empty, cut off or neither."""
    found = (
        broken_table(path)
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in _REQUIRED and not path.name.startswith(".") and path.is_file()
    )
    return [problem for problem in found if problem]


def broken_table(path: Path) -> Problem | None:
    """What is wrong with a file whose name says JSON or XML; None for any other."""
    require = _REQUIRED.get(path.suffix.lower())
    if require is None:
        return None
    try:
        require(path)
    except Fault as fault:
        return fault.at(path, "")
    return None


def _require_xml(path: Path) -> None:
    deque(elements(path), maxlen=0)


_REQUIRED: dict[str, Callable[[Path], None]] = {".json": require_json, ".xml": _require_xml}
