"""From a package on disk to a model that may be asked: verified, loaded, rehearsed, measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from midrib.engines import Choice, EngineOptions, Predictor, load_predictor, rehearse
from midrib.errors import PackageError
from midrib.machine import usable_cores
from midrib.packages import Card, Package, open_package, verify_package
from midrib.packages.manifest import MANIFEST
from midrib.serving.batch_size import BatchChoice, choose_batch
from midrib.serving.config import ServeConfig
from midrib.serving.replicas import InProcessReplica, Replica
from midrib.storage import file_sha256

UNPUBLISHED = 0
"""Stands where a version is asked for and the package was never published."""


@dataclass(frozen=True)
class Source:
    """Where a model comes from.

    ``version`` is ``UNPUBLISHED`` or counts from 1. ``generation`` counts the switches of a
    release and is 0 for a folder. ``manifest_sha256`` is what was published, None for a folder.
    """

    folder: Path
    version: int = UNPUBLISHED
    generation: int = 0
    manifest_sha256: str | None = None


@dataclass(frozen=True)
class Live:
    """One version of one model, ready to answer."""

    source: Source
    card: Card
    version: int
    engine: Choice
    batch: BatchChoice
    replica: Replica

    @property
    def waiting(self) -> int:
        """Pictures that nothing works on yet."""
        return self.replica.waiting()


def load(source: Source, config: ServeConfig, *, memory: Path, engine: str | None = None) -> Live:
    """Verify, load and rehearse the package of ``source``.

    Args:
        source: where it is.
        config: the server's options.
        memory: the file that remembers which engine is fastest.
        engine: takes the place of the configured one.

    Raises:
        PackageError: the package is not what was published, or answers unlike in the lab.
        EngineError: no engine can load it.
    """
    package = _verified(source)
    alone = _predictor(package, config, engine or config.engine, usable_cores(), memory)
    threads = max(1, usable_cores() // config.workers)
    crowd = (
        alone
        if threads == usable_cores()
        else _predictor(package, config, alone.choice.engine, threads, memory)
    )
    for predictor in {id(alone): alone, id(crowd): crowd}.values():
        rehearse(predictor, package)
    batch = _batch(crowd, config)
    return Live(
        source=source,
        card=package.card,
        version=source.version or package.card.version or UNPUBLISHED,
        engine=alone.choice,
        batch=batch,
        replica=InProcessReplica(
            alone,
            crowd,
            workers=config.workers,
            batch=batch.size,
            queue_length=config.limits.queue_length,
        ),
    )


def _verified(source: Source) -> Package:
    package = open_package(source.folder)
    if source.manifest_sha256 not in {None, file_sha256(source.folder / MANIFEST)}:
        raise PackageError(
            f"{source.folder} is not the package that was published as version {source.version}",
            expected=f"a manifest with the hash {source.manifest_sha256}",
            todo="restore the folder, or publish what is there as a new version",
        )
    verify_package(package)
    return package


def _predictor(
    package: Package, config: ServeConfig, engine: str, threads: int, memory: Path
) -> Predictor:
    return load_predictor(
        package,
        variant=config.variant,
        engine=engine,
        options=EngineOptions(threads=threads),
        limits=config.limits.picture,
        memory=memory,
    )


def _batch(predictor: Predictor, config: ServeConfig) -> BatchChoice:
    shape = predictor.card.input
    if config.batch != "auto":
        return BatchChoice(config.batch, "it was asked for", {})
    if predictor.tiles:
        return BatchChoice(1, "pictures are looked at tile by tile", {})
    if not shape.dynamic_batch:
        return BatchChoice(1, "the model takes one picture a call", {})
    return choose_batch(predictor.infer, (shape.height, shape.width, shape.channels))
