"""How far a download is, for whoever reports it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from midrib.downloads.transfer import Progress
from midrib.reporting import Advance, Reporter

_MEGABYTE = 1_000_000


@contextmanager
def download_bar(reporter: Reporter, title: str) -> Iterator[Progress]:
    """A bar in megabytes that appears with the first byte: none for what is here already."""
    with ExitStack() as shown:
        advance: Advance | None = None

        def progress(done: int, total: int) -> None:
            nonlocal advance
            if advance is None:
                advance = shown.enter_context(reporter.bar(f"fetch {title}"))
            advance(_megabytes(done), _megabytes(total), "MB")

        yield progress


def _megabytes(count: int) -> int:
    """Rounded up, so that nothing that has begun shows as nothing."""
    return -(-count // _MEGABYTE)
