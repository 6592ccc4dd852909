"""Train: from split pictures to a published model and its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from midrib.datasets import Dataset, SplitConfig
from midrib.datasets.splitting import Leak, require_no_leaks
from midrib.evaluation import AnyEvaluation, load_evaluation
from midrib.exporting import ExportConfig
from midrib.packages.card import require_model_name
from midrib.pipeline.data import slug
from midrib.pipeline.evaluating import EvaluationResult
from midrib.pipeline.known_weights import with_known_weights
from midrib.pipeline.releasing import publish
from midrib.pipeline.run_data import (
    divide_for_training,
    require_label,
    require_objects,
    require_threshold,
)
from midrib.pipeline.run_stages import begin_run, fit_run, package_run
from midrib.pipeline.telling import tell_run
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings
from midrib.storage import write_json
from midrib.tasks import ALGORITHMS
from midrib.training import RunFolder, TrainConfig, require_trainable


@dataclass(frozen=True)
class Trained:
    """A published model and where everything lies."""

    name: str
    version: int
    run: RunFolder
    package: Path
    test: AnyEvaluation
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
    task = ALGORITHMS.get(config.algorithm).task
    require_threshold(task, export_config)
    require_objects(config.algorithm, export_config)
    divided = divide_for_training(
        source,
        split_config,
        settings,
        algorithm=config.algorithm,
        strict=strict,
        reporter=reporter,
    )
    dataset = divided.dataset
    if not allow_leak:
        require_no_leaks(dataset, divided.leaks, given=divided.given)
    require_label(dataset, task, export_config)
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
        test=load_evaluation(run.evaluation("test")),
        dataset=dataset,
        seconds={stage: noted["seconds"] for stage, noted in run.stages().items()},
    )


def _note_leaks(run: RunFolder, leaks: Sequence[Leak]) -> None:
    """Keep with the run which test pictures it has learnt from copies of."""
    leaked = sorted({leak.held_out.sha256 for leak in leaks if leak.held_out.split == "test"})
    if leaked:
        write_json(run.leaks, {"test": leaked})
