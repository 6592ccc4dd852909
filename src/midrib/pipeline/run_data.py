"""The pictures that a run is trained and scored with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from midrib.datasets import Dataset, SplitConfig, check_dataset, load_splits, save_splits
from midrib.datasets.class_maps import with_background
from midrib.datasets.index import open_index
from midrib.errors import ConfigError, DatasetError
from midrib.exporting import ExportConfig
from midrib.names import unknown_name
from midrib.pipeline.data import keep, read, splits_table
from midrib.pipeline.data.copies import likenesses_of
from midrib.pipeline.data.dividing import Divided, divide
from midrib.reporting import Reporter
from midrib.settings import Settings
from midrib.tasks.algorithms import ALGORITHMS, USUAL
from midrib.training import RunFolder, require_fitting


def divide_for_training(
    source: str | Path,
    config: SplitConfig | None,
    settings: Settings,
    *,
    algorithm: str = USUAL["classification"],
    strict: bool,
    reporter: Reporter,
) -> Divided:
    """The pictures in the splits that they had before, new ones joining; remembered for next time.

    Raises ``DatasetError`` for what cannot be trained on.
    """
    dataset = read(source, strict=strict, settings=settings, reporter=reporter)
    require_fitting(dataset, algorithm)
    found = likenesses_of(dataset, source, settings, reporter)
    for line in check_dataset(dataset, likenesses=found).lines():
        reporter.say(line)
    table = splits_table(source, settings)
    previous = load_splits(table) if table.is_file() else None
    divided = divide(
        dataset, source, config or SplitConfig(), settings, reporter, previous=previous
    )
    for line in divided.lines():
        reporter.say(line)
    save_splits(divided.dataset, table)
    # From here on the pictures are read from the index: none of them has to stay in memory, and
    # processes that load them are sent its place.
    kept = open_index(keep(divided.dataset, source, settings))
    return replace(divided, dataset=kept)


def require_threshold(task: str, config: ExportConfig) -> None:
    """Say what a threshold of that task is about. Raises ``ConfigError``."""
    if task == "segmentation" and config.positive is not None:
        raise ConfigError(
            f"a positive class '{config.positive}' of pixels",
            expected="a threshold alone, where there is one class beside the background",
            todo="leave --positive out",
        )
    if task == "classification" and config.threshold is not None and config.positive is None:
        raise ConfigError(
            f"the threshold {config.threshold} without a class that it is about",
            expected="a positive class beside it",
            todo="add --positive LABEL, or leave --threshold out",
        )


def require_objects(algorithm: str, config: ExportConfig) -> None:
    """Say that only a detector has tiles and suppression. Raises ``ConfigError``."""
    chosen = ALGORITHMS.get(algorithm)
    if chosen.with_masks and config.tiles is not None:
        raise ConfigError(
            f"option 'tiles' for {algorithm}, whose masks end where a tile does",
            expected="a detector of boxes for tiles, or whole pictures for masks",
            todo="leave it out",
        )
    task = chosen.task
    given = [name for name in ("suppression", "tiles") if getattr(config, name) is not None]
    if task != "detection" and given:
        raise ConfigError(
            f"option '{given[0]}' for {task}",
            expected="options that it has a use for",
            todo="leave it out",
        )


def require_label(dataset: Dataset, task: str, config: ExportConfig) -> None:
    """Say before training what export would say after it."""
    require_threshold(task, config)
    classes = len(with_background(dataset.labels))
    if task == "segmentation" and config.threshold is not None and classes > 2:
        raise DatasetError(
            f"a threshold among {classes} classes of pixels",
            expected="one class beside the background",
            todo="leave --threshold out: the most probable class is then decided",
        )
    if config.positive is None:
        return
    if config.positive not in dataset.labels:
        raise unknown_name("label", config.positive, dataset.labels)
    if len(dataset.labels) != 2:
        raise DatasetError(
            f"a threshold for '{config.positive}' among {len(dataset.labels)} classes",
            expected="two classes",
            todo="leave --positive out: the most probable class is then decided",
        )


def as_trained(folder: RunFolder, reporter: Reporter) -> Dataset:
    """The pictures of a run as they were split for it; others that came since are left out."""
    record, splits = folder.record(), load_splits(folder.splits)
    found = read(record.source, strict=False, reporter=reporter)
    items = tuple(
        replace(item, split=splits[item.sha256]) for item in found.items if item.sha256 in splits
    )
    dataset = replace(found, items=items, labels=tuple(record.labels))
    if dataset.version != record.data_version:
        raise DatasetError(
            f"the pictures in {record.source} are not those that the run was trained with",
            expected=f"data version {record.data_version[:12]}",
            todo="restore what was removed or relabelled, or train again",
        )
    return dataset
