"""Start, tell that it is ready, follow releases, drain."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence

import structlog
import uvloop

from midrib.errors import ServingError, UsageError
from midrib.serving.config import ServeConfig
from midrib.serving.deployments import Deployments
from midrib.serving.gateway import Gateway
from midrib.serving.listening import HttpServer, bind, url_of
from midrib.serving.logs import configure_logs
from midrib.serving.opening import open_house
from midrib.serving.telemetry import Telemetry
from midrib.settings import Settings

READY = "ready"
"""The event that is logged once, when the server takes requests, with ``url`` and ``models``."""

STOPPED = "stopped"
"""The last event, with the numbers of ``requests`` that were begun and that were ``answered``."""

_logger = structlog.get_logger(__name__)


def serve(targets: Sequence[str], config: ServeConfig, settings: Settings) -> None:
    """Serve models over HTTP until SIGTERM or SIGINT, then drain and return.

    Args:
        targets: published names, whose live versions are followed, NAME@VERSION, which stays,
            and package folders.
        config: options.
        settings: where releases are read and predictions logged.

    Raises:
        ServingError: the port is taken, or accepted requests could not be answered in time.
        UnknownNameError: a name was never published, or has no live version.
        PackageError: a package is broken, or answers unlike in the lab.
        StateError: the releases cannot be read.
    """
    if not targets:
        raise UsageError(
            "nothing to serve was named",
            expected="a published name or a package's folder",
            todo="see 'midrib models'",
        )
    configure_logs()
    uvloop.run(_serve(targets, config, settings))


async def _serve(targets: Sequence[str], config: ServeConfig, settings: Settings) -> None:
    started = time.monotonic()
    stopping = _on_signals()
    with bind(config) as taken:
        url = url_of(taken)
        house = await asyncio.to_thread(open_house, targets, config, settings)
        if stopping.is_set():
            await asyncio.to_thread(house.close)
            return
        telemetry = Telemetry()
        for name, deployment in house.deployments.items():
            telemetry.watch(name, deployment)
        gateway = Gateway(house.deployments, config.limits, telemetry, house.log)
        http = HttpServer(gateway.app, taken, config)
        http.start()
        _tell_ready(url, house.deployments, time.monotonic() - started)
        following = [
            asyncio.create_task(follower.follow(config.poll_seconds))
            for follower in house.followers
        ]
        await _until_stopped(stopping, http)
        await _drain(gateway, http, following, config)
        await asyncio.to_thread(house.close)
    _logger.info(STOPPED, requests=gateway.app.begun, answered=gateway.app.ended)


def _on_signals() -> asyncio.Event:
    """Set by SIGTERM and SIGINT."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


def _tell_ready(url: str, deployments: Deployments, seconds: float) -> None:
    models = [
        {
            "name": name,
            "version": deployment.live.version or None,
            "engine": deployment.live.engine.engine,
            "why": deployment.live.engine.reason,
            "batch": deployment.live.batch.size,
        }
        for name, deployment in deployments.items()
    ]
    _logger.info(READY, url=url, models=models, seconds=round(seconds, 2))


async def _until_stopped(stopping: asyncio.Event, http: HttpServer) -> None:
    stopped = asyncio.create_task(stopping.wait())
    ended = asyncio.create_task(http.run())
    await asyncio.wait({stopped, ended}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if ended.done():
        raise ServingError(
            "the HTTP server ended by itself", todo="start it again, and report what it said"
        ) from ended.exception()
    ended.cancel()


async def _drain(
    gateway: Gateway, http: HttpServer, following: list[asyncio.Task[None]], config: ServeConfig
) -> None:
    """Answer all that was accepted.

    At first connections are still accepted, and every answer closes its own: a client that keeps
    one open learns in time to connect elsewhere, instead of asking a closed port.
    """
    _logger.info("draining", in_work=gateway.app.begun - gateway.app.ended)
    gateway.app.draining = True
    for task in following:
        task.cancel()
    await asyncio.sleep(config.linger_seconds)
    try:
        await http.stop(config.drain_seconds)
    except TimeoutError:
        unanswered = gateway.app.begun - gateway.app.ended
        raise ServingError(
            f"{unanswered} requests were not answered in {config.drain_seconds:g} s",
            expected="all that were accepted",
            todo="raise drain_seconds, or lower the limits on bodies and deadlines",
        ) from None
