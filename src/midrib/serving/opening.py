"""From targets to models that may be asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from midrib.monitoring import PredictionLog
from midrib.packages import open_package
from midrib.serving.config import ServeConfig
from midrib.serving.deployments import Deployment, Deployments
from midrib.serving.loading import Live, Source, load
from midrib.serving.recording import open_log
from midrib.serving.releases import Follower, is_folder, live_source, version_source
from midrib.settings import Settings

if TYPE_CHECKING:
    from midrib.state import Releases


@dataclass(frozen=True)
class House:
    """All that answers behind the port, before there is a port."""

    deployments: Deployments
    followers: list[Follower]
    log: PredictionLog | None

    def close(self) -> None:
        """End the replicas and write what the log still holds. Blocks."""
        for deployment in self.deployments.values():
            deployment.live.replica.close()
        if self.log is not None:
            self.log.close()


def open_house(targets: Sequence[str], config: ServeConfig, settings: Settings) -> House:
    """Load what ``targets`` name.

    The live version of a published name is followed; NAME@VERSION and a package's folder stay.
    Raises what `midrib.serving.loading.load` and `midrib.state.Releases` raise.
    """
    loaded = partial(load, config=config, memory=settings.engine_choices)
    releases = None if all(map(is_folder, targets)) else _releases(settings)
    deployments, followers = [], []
    for target in targets:
        deployment, follower = _open_one(target, releases, loaded)
        deployments.append(deployment)
        followers += [follower] if follower else []
    return House(Deployments(deployments), followers, open_log(config, settings))


def _open_one(
    target: str, releases: Releases | None, loaded: Callable[..., Live]
) -> tuple[Deployment, Follower | None]:
    if releases is None or is_folder(target):
        folder = Path(target)
        return Deployment(open_package(folder).card.name, loaded(Source(folder))), None
    name, _, number = target.rstrip("/").partition("@")
    if number:
        return Deployment(name, loaded(version_source(releases, name, number))), None
    deployment = Deployment(name, loaded(live_source(releases, name)))
    return deployment, Follower(deployment, releases, loaded)


def _releases(settings: Settings) -> Releases:
    from midrib.state import Releases

    return Releases(settings.database())
