"""Processes that use one record of releases at the same time, for its contract suite.

Nothing here imports pytest, so that the processes start quickly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from threading import Event

from sqlalchemy import update

from midrib.state.records import Release
from midrib.state.releases import Releases
from midrib.state.schema import release

NAME = "screws"
CREATED = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)

# One server process imports this module once; the others are forked from it, clean of threads.
context = get_context("forkserver")
context.set_forkserver_preload([__name__])


def publish(releases: Releases, *versions: int) -> None:
    """Record versions of ``NAME`` that differ in nothing but their number."""
    for version in versions:
        releases.publish(
            NAME,
            version,
            location=f"/packages/{NAME}/{version}",
            manifest_sha256=f"{version:064x}",
            run=f"run-{version}",
            created=CREATED,
        )


@contextmanager
def running(*processes: BaseProcess) -> Iterator[None]:
    """Start processes, and leave none behind."""
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def open_together(url: str, start: Barrier, answers: Connection) -> None:
    """Open the record at the same moment as others do; send the names in it."""
    start.wait()
    with Releases(url) as releases:
        answers.send(releases.names())


def switch_in_turn(
    url: str, versions: tuple[int, int], times: int, start: Barrier, answers: Connection
) -> None:
    """Make two versions live in turn; send what each switch gave."""
    with Releases(url) as releases:
        start.wait()
        answers.send([releases.release(NAME, versions[turn % 2]) for turn in range(times)])


def roll_back_and_forth(url: str, answers: Connection) -> None:
    """Roll back until killed; send what each rollback gave, once it returned."""
    with Releases(url) as releases:
        while True:
            answers.send(releases.rollback(NAME))


def stop_inside_switch(url: str, answers: Connection) -> None:
    """Write a switch, say so, and wait to be killed before it is committed."""
    with Releases(url) as releases, releases._database.writing() as connection:  # noqa: SLF001 - the very inside is what is tested
        connection.execute(update(release).values(version=2, previous=1, generation=2))
        answers.send("written")
        Event().wait()


def toggled(generation: int) -> tuple[int, int | None]:
    """Live and previous version at ``generation``, where only 1 and 2 took turns, 1 first."""
    if generation == 1:
        return 1, None
    return (1, 2) if generation % 2 else (2, 1)


def seen(release: Release) -> tuple[int, int | None]:
    """Live and previous version."""
    return release.version, release.previous
