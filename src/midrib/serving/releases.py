"""Which published package answers, and following the live one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from midrib.errors import MidribError, StateError, UnknownNameError
from midrib.serving.deployments import Deployment
from midrib.serving.loading import Live, Source

if TYPE_CHECKING:
    from midrib.state import Releases

_logger = structlog.get_logger(__name__)


def live_source(releases: Releases, name: str, packages: Path) -> Source:
    """The live version of ``name``; ``packages`` is the folder that locations are relative to.

    Raises ``UnknownNameError`` when there is none, ``StateError`` when the database is away.
    """
    release = releases.live(name)
    if release is None:
        raise UnknownNameError(
            f"'{name}' has no live version",
            expected="a released one",
            todo=f"choose one with 'midrib release {name} --version N'",
        )
    source = version_source(releases, name, release.version, packages)
    return replace(source, generation=release.generation)


def version_source(releases: Releases, name: str, version: int, packages: Path) -> Source:
    """A published version of ``name``. Raises ``UnknownNameError`` and ``StateError``."""
    published = releases.version(name, version)
    return Source(
        folder=packages / published.location,
        version=published.version,
        manifest_sha256=published.manifest_sha256,
    )


class Follower:
    """Keeps one deployment at what is released under its name.

    A new version is loaded and rehearsed beside the old one and only then switched to; the old
    one finishes what it holds. A version that cannot be loaded is logged, told on the card and
    not tried again before the next release; the old one goes on. While the state's database does
    not answer, nothing changes.

    Args:
        deployment: what is kept up to date.
        look_up: the live source of a name, as `live_source` gives it.
        load: `midrib.serving.loading.load` with the server's options.
    """

    def __init__(
        self,
        deployment: Deployment,
        look_up: Callable[[str], Source],
        load: Callable[..., Live],
    ) -> None:
        self._deployment = deployment
        self._look_up = look_up
        self._load = load
        self._seen = deployment.live.source.generation
        self._state_answers = True
        self._closing: set[asyncio.Task[None]] = set()
        self._log = _logger.bind(model=deployment.name)

    async def follow(self, poll_seconds: float) -> None:
        """Look every ``poll_seconds``, until cancelled."""
        while True:
            await asyncio.sleep(poll_seconds)
            try:
                await self.look()
            except Exception:  # noqa: BLE001 - whatever a release brings, the server follows on
                self._log.exception("this release cannot be followed, serving on")

    async def look(self) -> None:
        """Look once which version is live, and switch to it if it is another one."""
        try:
            source = await asyncio.to_thread(self._look_up, self._deployment.name)
        except (StateError, UnknownNameError) as problem:
            if self._state_answers:
                self._log.warning("releases cannot be read, serving on", problem=str(problem))
            self._state_answers = False
            return
        if not self._state_answers:
            self._log.info("releases can be read again")
        self._state_answers = True
        if source.generation != self._seen:
            self._seen = source.generation
            await self._go_to(source)

    async def _go_to(self, source: Source) -> None:
        standing = self._deployment.live
        if source.version == standing.version:
            self._deployment.problem = None
            return
        try:
            # The engine stays: to measure again would take time that a switch has not got.
            engine = standing.engine.engine
            live = await asyncio.to_thread(self._load, source, engine=engine)
        except MidribError as problem:
            self._deployment.problem = problem
            self._log.error(
                "new version is broken, the old one goes on",
                version=source.version,
                serving=standing.version,
                problem=str(problem),
            )
            return
        before = self._deployment.switch(live)
        self._log.info("switched", version=live.version, before=before.version)
        # In the background: the next release need not wait until the old version is done.
        closing = asyncio.create_task(asyncio.to_thread(before.replica.close))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
