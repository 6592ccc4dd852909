"""From targets to models that may be asked."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from midrib.monitoring import PredictionLog
from midrib.packages import FolderTarget, NameTarget, open_package, parse_target
from midrib.serving.config import ServeConfig
from midrib.serving.deployments import Deployment, Deployments
from midrib.serving.loading import Source, load
from midrib.serving.recording import open_log
from midrib.serving.releases import Follower, live_source, version_source
from midrib.settings import Settings


@dataclass(frozen=True)
class House:
    """All that answers behind the port, before there is a port."""

    deployments: Deployments
    followers: list[Follower]
    log: PredictionLog | None
    opened: ExitStack
    """Replicas and the record of releases."""

    def close(self) -> None:
        """End the replicas and write what the log still holds. Blocks."""
        self.opened.close()
        if self.log is not None:
            self.log.close()


def open_house(targets: Sequence[str], config: ServeConfig, settings: Settings) -> House:
    """Load what ``targets`` name.

    The live version of a published name is followed; NAME@VERSION and a package's folder stay.
    Raises what `midrib.serving.loading.load` and `midrib.state.Releases` raise.
    """
    loaded = partial(load, config=config, memory=settings.engine_choices)
    meant = [parse_target(target) for target in targets]
    named = any(isinstance(target, NameTarget) for target in meant)
    with ExitStack() as opened:
        published = _Published(settings, opened) if named else None
        deployments, followers = [], []
        for target in meant:
            if isinstance(target, FolderTarget):
                name = open_package(target.folder).card.name
                deployments.append(Deployment(name, loaded(Source(target.folder))))
            elif published is not None:
                deployments.append(Deployment(target.name, loaded(published.source(target))))
                if target.version is None:
                    followers.append(Follower(deployments[-1], published.live, loaded))
            opened.callback(deployments[-1].close)
        log = open_log(config, settings)
        return House(Deployments(deployments), followers, log, opened.pop_all())


class _Published:
    """Where published versions lie."""

    def __init__(self, settings: Settings, opened: ExitStack) -> None:
        from midrib.state import Releases

        self._releases = opened.enter_context(Releases(settings.database()))
        self._packages = settings.packages

    def live(self, name: str) -> Source:
        return live_source(self._releases, name, self._packages)

    def source(self, target: NameTarget) -> Source:
        if target.version is None:
            return self.live(target.name)
        return version_source(self._releases, target.name, target.version, self._packages)
