"""The pages of the documentation, taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
_PROMPT = "$ "


@dataclass(frozen=True)
class Fence:
    """One fenced block: its language and its text."""

    language: str
    text: str


@dataclass(frozen=True)
class Example:
    """A command as it is typed, and the lines that it is said to print."""

    command: str
    output: tuple[str, ...]


def in_reading_order() -> list[Path]:
    """README, the pages in the order of their index, and how to contribute."""
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    listed = [DOCS / name for name in re.findall(r"^\| \[[^]]+\]\(([^)]+)\)", index, re.MULTILINE)]
    return [README, DOCS / "README.md", *listed, ROOT / "CONTRIBUTING.md"]


def fences(page: Path) -> list[Fence]:
    """Every fenced block of a page, in its order."""
    return [Fence(*found) for found in _FENCE.findall(page.read_text(encoding="utf-8"))]


def examples(fence: Fence) -> Iterator[Example]:
    """The commands of a console block, each with what follows it."""
    for part in re.split(rf"^{re.escape(_PROMPT)}", fence.text, flags=re.MULTILINE)[1:]:
        command, *output = part.splitlines()
        yield Example(command, tuple(output))


def links(page: Path) -> list[str]:
    """What a page links to inside the project."""
    found = _LINK.findall(page.read_text(encoding="utf-8"))
    return [link for link in found if "://" not in link]
