"""Train, export, evaluate: from split pictures to a published model and its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from midrib.datasets import (
    Dataset,
    SplitConfig,
    check_dataset,
    load_splits,
    save_splits,
)
from midrib.datasets.splitting import Leak, require_no_leaks
from midrib.engines import AUTO, load_predictor
from midrib.errors import DatasetError
from midrib.evaluation import Evaluation, evaluate_package, with_leaks
from midrib.exporting import ExportConfig, make_package
from midrib.names import unknown_name
from midrib.packages.card import require_model_name
from midrib.pipeline.data import keep, read, slug, splits_table
from midrib.pipeline.data.dividing import Divided, divide
from midrib.pipeline.known_weights import with_known_weights
from midrib.pipeline.releasing import publish
from midrib.pipeline.run_stages import begin_run, fit_run, package_run
from midrib.pipeline.targets import open_whole
from midrib.pipeline.telling import tell_run
from midrib.records import Score
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings
from midrib.storage import write_json
from midrib.training import RunFolder, TrainConfig, require_one_class_each, require_trainable


@dataclass(frozen=True)
class Trained:
    """A published model and where everything lies."""

    name: str
    version: int
    run: RunFolder
    package: Path
    test: Evaluation
    dataset: Dataset
    seconds: dict[str, float]

    def as_record(self) -> dict[str, object]:
        return {
            "name": self.name,
            "version": self.version,
            "run": str(self.run.path),
            "package": str(self.package),
            "report": str(self.run.report),
            "test": self.test.as_record(),
            "seconds": self.seconds,
        }

    def lines(self) -> list[str]:
        return [
            *EvaluationResult(self.test).lines(),
            f"published  {self.name} version {self.version}: {self.package}",
            f"run        {self.run.path}",
            f"report     {self.run.report}",
            f"next       midrib serve {self.name}",
        ]


@dataclass(frozen=True)
class Exported:
    """A package of a run."""

    package: Path
    test: Evaluation

    def as_record(self) -> dict[str, object]:
        return {"package": str(self.package), "test": self.test.as_record()}

    def lines(self) -> list[str]:
        return [*EvaluationResult(self.test).lines(), f"package    {self.package}"]


@dataclass(frozen=True)
class EvaluationResult:
    """Scores of one split, as served."""

    evaluation: Evaluation

    def as_record(self) -> dict[str, object]:
        return self.evaluation.as_record()

    def lines(self) -> list[str]:
        found = self.evaluation
        lines = [f"{found.split} split, {len(found)} pictures, as served:"]
        lines += [
            f"  {score.metric:<24} {score.value:.4f}   "
            f"95 % interval {score.low:.4f} to {score.high:.4f}{_side(score, found)}"
            for score in found.scores
        ]
        lines += [f"  skipped {path}: {reason}" for path, reason in found.skipped]
        return lines


def train(
    source: str | Path,
    *,
    name: str | None = None,
    config: TrainConfig | None = None,
    split_config: SplitConfig | None = None,
    export_config: ExportConfig | None = None,
    fresh: bool = False,
    strict: bool = False,
    allow_leak: bool = False,
    data_licence: str = "",
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> Trained:
    """Train on ``source`` and publish what comes of it.

    A run is known by its data and options: an equal one goes on where it stopped, and what is
    finished is not done again.

    Args:
        source: a folder, a table of labels, an archive or a bucket's URL.
        name: of the model; None takes the folder's.
        config: options of training.
        split_config: shares of the splits.
        export_config: how the model decides.
        fresh: forget an earlier equal run.
        strict: refuse data with pictures that cannot be used.
        allow_leak: train although held-out pictures are copies of others; every score is then
            told with them and without.
        data_licence: what the pictures may be used under, for the card.
        settings: where everything is kept.
        reporter: is told how far it is.

    Raises:
        DatasetError: the data cannot be trained on.
        InterruptedByUser: Ctrl-C; the same call goes on from there.
        ParityError: the exported file does not answer like the model.
    """
    settings, config = settings or Settings(), config or TrainConfig()
    export_config = export_config or ExportConfig()
    name = require_model_name(slug(source) if name is None else name)
    require_trainable(with_known_weights(config, settings), settings)
    divided = divide_for_training(source, split_config, settings, strict=strict, reporter=reporter)
    dataset = divided.dataset
    if not allow_leak:
        require_no_leaks(dataset, divided.leaks, given=divided.given)
    _require_label(dataset, export_config)
    run = begin_run(
        name, dataset, config, settings, reporter, data_licence=data_licence, fresh=fresh
    )
    reporter.say(f"run        {run.path}")
    _note_leaks(run, divided.leaks)
    fit_run(run, dataset, settings, reporter)
    package_run(run, dataset, export_config, reporter)
    published = publish(run.package, settings=settings)
    tell_run(run, dataset, settings)
    return Trained(
        name=published.name,
        version=published.version,
        run=run,
        package=published.folder,
        test=Evaluation.load(run.evaluation("test")),
        dataset=dataset,
        seconds={stage: noted["seconds"] for stage, noted in run.stages().items()},
    )


def export(
    run: str | Path,
    *,
    config: ExportConfig | None = None,
    output: Path | None = None,
    reporter: Reporter = SILENT,
) -> Exported:
    """Make a package of a trained run again, on the pictures that it was trained with.

    Args:
        run: the run's folder.
        config: how the model decides.
        output: where to write; None replaces the run's own package.
        reporter: is told how far it is.

    Raises:
        TrainingError: ``run`` is no run's folder.
        DatasetError: its pictures have changed since.
    """
    folder, config = RunFolder(Path(run)), config or ExportConfig()
    dataset = _as_trained(folder, reporter)
    if output is None:
        packaged = package_run(folder, dataset, config, reporter)
        return Exported(packaged.package.folder, packaged.test)
    with reporter.bar("export and score") as advance:
        packaged = make_package(
            folder,
            dataset,
            config,
            output,
            progress=lambda done, total: advance(done, total, ""),
        )
    return Exported(packaged.package.folder, packaged.test)


def _as_trained(folder: RunFolder, reporter: Reporter) -> Dataset:
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


def evaluate(
    target: str,
    source: str | Path,
    *,
    split: str = "test",
    engine: str = AUTO,
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> EvaluationResult:
    """Score a model's file on ``source``, through the code that serves it.

    Args:
        target: a published name, NAME@VERSION or a package's folder.
        source: labelled pictures.
        split: 'train', 'validation', 'test' as they were split for training, or 'all'.
        engine: the engine's name or 'auto'.
        settings: where everything is kept.
        reporter: is told how far it is.

    Raises:
        DatasetError: there is no picture in that split.
    """
    settings = settings or Settings()
    package = open_whole(target, settings)
    predictor = load_predictor(package, engine=engine, memory=settings.engine_choices)
    leaked: list[Path] = []
    if split == "all":
        items = list(read(source, strict=False, settings=settings, reporter=reporter).items)
    else:
        divided = divide_for_training(source, None, settings, strict=False, reporter=reporter)
        items = [item for item in divided.dataset.items if item.split == split]
        leaked = [leak.held_out.path for leak in divided.leaks if leak.held_out.split == split]
    with reporter.bar("score") as advance:
        found = evaluate_package(
            package, items, predictor, split=split, progress=lambda a, b: advance(a, b, "")
        )
    return EvaluationResult(with_leaks(found, leaked))


def split_for_training(
    source: str | Path,
    config: SplitConfig | None,
    settings: Settings,
    *,
    strict: bool,
    reporter: Reporter,
) -> Dataset:
    """As `divide_for_training`; only the pictures."""
    return divide_for_training(source, config, settings, strict=strict, reporter=reporter).dataset


def divide_for_training(
    source: str | Path,
    config: SplitConfig | None,
    settings: Settings,
    *,
    strict: bool,
    reporter: Reporter,
) -> Divided:
    """The pictures in the splits that they had before, new ones joining; remembered for next time.

    Raises ``DatasetError`` for what cannot be trained on.
    """
    dataset = read(source, strict=strict, settings=settings, reporter=reporter)
    require_one_class_each(dataset)
    for line in check_dataset(dataset).lines():
        reporter.say(line)
    table = splits_table(source, settings)
    previous = load_splits(table) if table.is_file() else None
    divided = divide(
        dataset, source, config or SplitConfig(), settings, reporter, previous=previous
    )
    for line in divided.lines():
        reporter.say(line)
    save_splits(divided.dataset, table)
    keep(divided.dataset, source, settings)
    return divided


def _note_leaks(run: RunFolder, leaks: Sequence[Leak]) -> None:
    """Keep with the run which test pictures it has learnt from copies of."""
    leaked = sorted({leak.held_out.sha256 for leak in leaks if leak.held_out.split == "test"})
    if leaked:
        write_json(run.leaks, {"test": leaked})


def _side(score: Score, found: Evaluation) -> str:
    """What a score without the leaked pictures is marked with."""
    return "" if score.split == found.split else f"   {score.split}, {score.pictures} pictures"


def _require_label(dataset: Dataset, config: ExportConfig) -> None:
    """Say before training what export would say after it."""
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
