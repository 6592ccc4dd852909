"""JSON read in parts: what no parser takes is quoted, whole, and nothing else is changed."""

from __future__ import annotations

import json
import math
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from midrib.datasets.formats.json_streams import JsonFile

_PART = 1 << 18
_TOKENS = st.sampled_from(
    [
        "NaN",
        "-Infinity",
        "Infinity",
        "1e400",
        "-1E+999",
        "9" * 30,
        str(2**63),
        "12",
        "-3.5e2",
        "0.1",
    ]
    + [json.dumps(text) for text in ("NaN", 'a "1e999" b', "\\", "é Infinity", "1" * 40, "")]
    + ["true", "null"]
)


def _held(text: str) -> float | str:
    """A number where 64 bits can hold it, else its text."""
    number = float(text)
    if not math.isfinite(number):
        return text
    if text.lstrip("-").isdigit():
        return int(text) if -(2**63) <= int(text) < 2**63 else text
    return number


@given(st.lists(_TOKENS, min_size=1, max_size=20), st.integers(0, 60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_mixture_is_read_wherever_parts_end(
    tmp_path: Path, tokens: list[str], shift: int
) -> None:
    """Words and numbers that JSON or the parser has not are texts, at ends of parts too."""
    head = '{"list": [' + '"' + "x" * (_PART - shift) + '"'
    text = ", ".join([head, *tokens]) + "]}"
    (tmp_path / "odd.json").write_text(text)
    found = list(JsonFile(tmp_path / "odd.json").records("list"))
    expected = json.loads(text, parse_constant=str, parse_int=_held, parse_float=_held)["list"]
    assert found == expected
