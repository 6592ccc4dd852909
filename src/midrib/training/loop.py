"""The training loop, top to bottom.

epoch:  steps ▸ validate ▸ keep the best ▸ checkpoint ▸ stop early?
step:   rate ▸ forward ▸ loss ▸ backward ▸ clip ▸ optimizer ▸ moving average ▸ checkpoint?
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from lightning_fabric import Fabric

from midrib.backbones.weights.earlier_run import BEST_FILE
from midrib.errors import InterruptedByUser
from midrib.tasks import TaskModel
from midrib.training.checkpoints import CheckpointFolder
from midrib.training.config import TrainConfig
from midrib.training.devices import create_fabric
from midrib.training.divergence import require_finite
from midrib.training.examples import Examples
from midrib.training.interruption import stop_request
from midrib.training.journal import Journal, Row, read_rows
from midrib.training.learner import Learner
from midrib.training.loading import EpochBatches, training_loader

CHECKPOINTS_FOLDER = "checkpoints"

StepReport = Callable[[int, int, str], None]
"""Steps done, steps in all, and what to say about them."""


@dataclass(frozen=True)
class Fitted:
    """How training went. ``seconds`` counts all sittings of a resumed run."""

    steps: int
    epochs: int
    best_epoch: int
    best_metric: float | None
    seconds: float
    resumed_at_step: int


@dataclass(frozen=True)
class FitTask:
    """What a run consists of.

    ``identity`` is the fingerprint of options and data; ``folder`` is where the run is kept.
    """

    model: TaskModel
    training: Examples
    validation: Examples
    config: TrainConfig
    folder: Path
    identity: str


def fit_on_devices(
    task: FitTask,
    *,
    report: StepReport | None = None,
    mirror: Callable[[Row], None] | None = None,
) -> Fitted:
    """`fit` in this process, or in one process a device when the options ask for several.

    Several devices each take their share of every batch; ``report`` then hears nothing and
    ``mirror`` is handed the rows at the end. Raises what `fit` raises.
    """
    fabric = create_fabric(task.config)
    if task.config.devices == 1:
        return fit(task, fabric, report=report, mirror=mirror)
    # Lightning looks into what processes are handed and hand back: no frozen data classes.
    fitted = Fitted(**fabric.launch(partial(_fit_in_process, task=task)))
    if mirror:
        for row in read_rows(task.folder):
            mirror(row)
    return fitted


def _fit_in_process(fabric: Fabric, task: FitTask) -> dict[str, float | None]:
    return asdict(fit(task, fabric))


def fit(
    task: FitTask,
    fabric: Fabric,
    *,
    report: StepReport | None = None,
    mirror: Callable[[Row], None] | None = None,
) -> Fitted:
    """Train, and leave the best weights in the run's folder as ``best.safetensors``.

    Goes on from the newest checkpoint when there is one: on a CPU with the same threads and
    workers the weights are then, bit for bit, those of a run that never stopped.

    Args:
        task: what is trained on what.
        fabric: devices and precision.
        report: is told each step.
        mirror: is handed each row of metrics.

    Raises:
        InterruptedByUser: Ctrl-C; a checkpoint was written first.
        TrainingError: a loss or its gradient is no number; its batch is kept beside the run.
        StorageError: the disk is full; earlier checkpoints are whole.
    """
    config = task.config
    batches = EpochBatches(len(task.training), config.batch_size, config.seed, fabric=fabric)
    steps = len(batches) * config.epochs
    learner = Learner(task.model, task.training, config, fabric)
    checkpoints = CheckpointFolder(task.folder / CHECKPOINTS_FOLDER, task.identity)
    progress = learner.resume(checkpoints)
    resumed_at = progress.step
    loader = training_loader(task.training, batches, config.workers)
    journal = Journal(task.folder, resumed_step=resumed_at, mirror=mirror, fabric=fabric)

    with stop_request() as stop, journal:
        while progress.epoch < config.epochs and progress.epochs_without_better < config.patience:
            batches.start(progress.epoch, progress.batch)
            for batch in loader:
                learnt = learner.step(batch, steps)
                require_finite(learnt, progress.step, batch, task.folder)
                loss = learnt.loss
                journal.step(progress, loss)
                if report:
                    report(progress.step, steps, f"epoch {progress.epoch + 1}, loss {loss:.3f}")
                if learner.agree(stop.requested):
                    learner.save(checkpoints)
                    raise InterruptedByUser(
                        f"stopped after step {progress.step} of {steps}",
                        todo="the same command goes on from there",
                    )
                if progress.step % config.checkpoint_steps == 0:
                    learner.save(checkpoints)

            metric, validation_loss = learner.validate(task.validation)
            if learner.finish_epoch(metric):
                learner.save_best(task.folder / BEST_FILE)
            journal.epoch(progress, metric, validation_loss, config.metric)
            learner.save(checkpoints)

    return Fitted(
        steps=progress.step,
        epochs=progress.epoch,
        best_epoch=progress.best_epoch,
        best_metric=progress.best_metric,
        seconds=progress.seconds,
        resumed_at_step=resumed_at,
    )
