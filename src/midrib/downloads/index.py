"""Where a package's file lies, as pip is set up to look: indexes, extra indexes, find-links.

The file is found by its exact name on the pages of PEP 503 and PEP 691. pip itself is not asked to
download it, since it would run the code of a source archive only to learn its name.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit
from urllib.request import url2pathname

from midrib.downloads.opening import Opener, reason_of, without_password
from midrib.errors import StorageError

_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = {"Accept": f"{_JSON}, text/html;q=0.5"}
_SECTIONS = ("global", "download", ":env:")
"""Of pip's options, the strongest last."""
_MOST_PAGE_BYTES = 64 << 20


@dataclass(frozen=True)
class PackageIndexes:
    """What pip is set up to look at.

    ``indexes`` are addresses of PEP 503, ``pages`` folders or pages with links to files,
    ``certificate`` a file of certificates to trust in place of the system's.
    """

    indexes: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    certificate: str | None = None

    @classmethod
    def configured(cls) -> PackageIndexes:
        """As pip's environment variables and files say, else pip's own; none without pip."""
        asked = [sys.executable, "-m", "pip", "config", "list"]
        finished = subprocess.run(asked, capture_output=True, text=True, check=False)
        options = _options(finished.stdout)
        first = options.get("index-url") or _index_of_pip()
        indexes = f"{first} {options.get('extra-index-url', '')}"
        closed = options.get("no-index", "").lower() in {"1", "true", "yes", "on"}
        return cls(
            indexes=() if closed else tuple(indexes.split()),
            pages=tuple(options.get("find-links", "").split()),
            certificate=options.get("cert"),
        )

    def opener(self) -> Opener:
        """How these places want to be asked."""
        return Opener(self.certificate)

    def find(self, project: str, file_name: str, sha256: str, opener: Opener) -> str:
        """The URL of the file, which is not fetched. Raises ``StorageError``."""
        asked = []
        for place, is_index in [*((page, False) for page in self.pages), *_named(self.indexes)]:
            asked.append(without_password(place))
            try:
                links = _links(f"{place.rstrip('/')}/{project}/" if is_index else place, opener)
                for name, url in links:
                    if name == file_name and _may_be(url, sha256):
                        return urldefrag(url).url
            except (OSError, HTTPException, ValueError) as problem:
                asked[-1] += f" ({reason_of(problem)})"
        raise StorageError(
            f"{file_name} was not found at {', '.join(asked) or 'any index: pip has none'}",
            expected="a package index that carries it",
            todo="check the network and pip's configuration, then run the same command again",
        )


def _index_of_pip() -> str:
    """The index that pip asks when it is told nothing; empty without pip."""
    try:
        # pip tells it nowhere else but in a sentence of its help.
        from pip._internal.models.index import PyPI
    except ImportError:
        return ""
    return str(PyPI.simple_url)


def _named(indexes: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    for index in indexes:
        yield index, True


def _options(told: str) -> dict[str, str]:
    """Lines like ``global.index-url='https://…'`` to one value an option."""
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in told.splitlines():
        key, _, value = line.partition("=")
        section, _, option = key.partition(".")
        if section in found:
            found[section][option] = str(ast.literal_eval(value)).strip()
    merged: dict[str, str] = {}
    for section in _SECTIONS:
        merged |= {option: value for option, value in found[section].items() if value}
    return merged


def _links(place: str, opener: Opener) -> Iterator[tuple[str, str]]:
    """File names and URLs, with the hash that the index tells as a fragment."""
    folder = _local_folder(place)
    if folder is not None and not (folder / "index.html").is_file():
        yield from ((file.name, file.absolute().as_uri()) for file in folder.iterdir())
        return
    url = place if folder is None else (folder / "index.html").as_uri()
    with opener.open(url, _ACCEPT) as answer:
        content = answer.read(_MOST_PAGE_BYTES)
        base = answer.url
        if answer.headers.get_content_type() == _JSON:
            for file in json.loads(content)["files"]:
                link = urljoin(base, file["url"])
                yield file["filename"], f"{link}#sha256={file['hashes'].get('sha256', '')}"
            return
    page = _Anchors()
    page.feed(content.decode("utf-8", errors="replace"))
    for name, link in page.found:
        yield name.strip(), urljoin(base, link)


def _local_folder(place: str) -> Path | None:
    """The folder that ``place`` means, unless it is elsewhere or a page."""
    parts = urlsplit(place)
    if parts.scheme not in {"", "file"}:
        return None
    path = Path(url2pathname(parts.path)).expanduser().absolute()
    return path if path.is_dir() else None


def _may_be(url: str, sha256: str) -> bool:
    """Whether the hash that the index tells, if it tells one, is the wanted one."""
    told = re.search(r"sha256=([0-9a-f]{64})", urldefrag(url).fragment)
    return told is None or told.group(1) == sha256


class _Anchors(HTMLParser):
    """The text and the target of every link."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._target: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._target = dict(attrs).get("href")

    def handle_data(self, data: str) -> None:
        if self._target is not None:
            self.found.append((data, self._target))
            self._target = None
