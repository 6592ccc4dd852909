"""The stages of a run, each done once: begin, fit, package."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from midrib.backbones import canonical_name
from midrib.backbones.listing.counting import facts_without_weights
from midrib.backbones.weights.start import start_from
from midrib.config import fingerprint
from midrib.datasets import Dataset, save_splits
from midrib.errors import InterruptedByUser, MidribError, StateError
from midrib.exporting import ExportConfig, Packaged, load_packaged, make_package
from midrib.pipeline.known_weights import with_known_weights
from midrib.preprocessing import Recipe
from midrib.preprocessing.picture_cache import PictureCache
from midrib.reporting import Reporter, Stopwatch
from midrib.settings import Settings
from midrib.state import Runs
from midrib.storage import write_json
from midrib.tasks import ALGORITHMS
from midrib.training import (
    ClassMaps,
    DrawnScenes,
    FitTask,
    Fitted,
    Model,
    Pictures,
    Row,
    RunFolder,
    RunRecord,
    Scenes,
    TrainConfig,
    fit_on_devices,
    learnt_labels,
    new_model,
    planned,
    recipe_for,
    require_large_enough,
    resolve_device,
    resolve_precision,
    run_identity,
    starting_model,
)

_MIRRORED_STEPS = 10
_EXAMPLES: dict[str, type[Pictures | Scenes | ClassMaps]] = {
    "classification": Pictures,
    "detection": Scenes,
    "segmentation": ClassMaps,
}


def begin_run(
    name: str,
    dataset: Dataset,
    config: TrainConfig,
    settings: Settings,
    reporter: Reporter,
    *,
    data_licence: str,
    fresh: bool,
) -> RunFolder:
    """The folder of the run with this data and these options, made if it is new."""
    config = with_known_weights(config, settings)
    identity = run_identity(dataset, config, settings)
    run = RunFolder(settings.runs / f"{name}-{identity[:12]}")
    if fresh and run.path.exists():
        shutil.rmtree(run.path)
    if run.is_begun():
        return run
    start = start_from(canonical_name(config.backbone), config.weights, settings, reporter)
    reporter.say(f"weights    {start.weights.origin} ({start.weights.licence})")
    own = facts_without_weights(canonical_name(config.backbone))
    plan = planned(config, own, dataset.of("train"), dataset.labels)
    labels = learnt_labels(plan, dataset.labels)
    if plan is not None:
        config = config.model_copy(update={"size": plan.height})
        require_large_enough(plan.height, own)
    model, warm = new_model(Model(config, labels, plan), start, settings)
    facts = model.backbone.facts
    recipe = recipe_for(facts, config)
    save_splits(dataset, run.splits)
    runs = Runs(settings.tracking(), settings.runs)
    tracking_run = runs.start(
        name,
        run_name=run.path.name,
        params=_resolved(config, recipe, start.weights.source),
        data_version=dataset.version,
    )
    run.save(
        RunRecord(
            name=name,
            identity=identity,
            source=dataset.place,
            data_version=dataset.version,
            data_licence=data_licence,
            labels=list(labels),
            train=config,
            recipe=recipe,
            plan=plan,
            weights_origin=facts.weights.origin,
            weights_licence=facts.weights.licence,
            weights_source=start.weights.source,
            weights_sha256=start.weights.sha256,
            tracking_run=tracking_run,
        )
    )
    if warm is not None:
        write_json(run.warm_start, warm.model_dump())
        for line in warm.lines():
            reporter.say(line)
    return run


def _resolved(config: TrainConfig, recipe: Recipe, weights: str) -> dict[str, object]:
    """The options, and beside them what 'auto' and None came to."""
    device = resolve_device(config.device)
    precision = resolve_precision(config.precision, device)
    came_to = {"weights": weights, "device": device, "precision": precision}
    return {
        **config.model_dump(mode="json"),
        "resolved": {**came_to, "recipe": recipe.model_dump(mode="json")},
    }


def fit_run(run: RunFolder, dataset: Dataset, settings: Settings, reporter: Reporter) -> None:
    """Train, or go on, or see that it is done."""
    if run.finished("train"):
        reporter.say("train      unchanged, reused")
        return
    record = run.record()
    runs = Runs(settings.tracking(), settings.runs)
    runs.reopen(record.tracking_run)
    task = _fit_task(run, record, dataset, settings)
    try:
        with reporter.bar("train") as advance:
            fitted = fit_on_devices(
                task, report=advance, mirror=_mirror(runs, record.tracking_run, reporter)
            )
    except MidribError as problem:
        stopped = isinstance(problem, InterruptedByUser)
        runs.finish(record.tracking_run, "killed" if stopped else "failed")
        raise
    _note_fitted(run, fitted)
    runs.finish(record.tracking_run, "finished")


def _fit_task(run: RunFolder, record: RunRecord, dataset: Dataset, settings: Settings) -> FitTask:
    config = record.train
    cache = PictureCache(settings.decoded_pictures, settings.picture_cache)
    model = starting_model(record, settings)
    kind = examples_of(config.algorithm)
    return FitTask(
        model=model,
        training=kind(
            dataset.of("train"),
            record.labels,
            record.recipe,
            augmentation=config.augmentation,
            seed=config.seed,
            cache=cache,
        ),
        validation=kind(dataset.of("validation"), record.labels, record.recipe, cache=cache),
        config=config,
        folder=run.path,
        identity=record.identity,
    )


def examples_of(algorithm: str) -> type[Pictures | Scenes | ClassMaps]:
    """What holds the pictures that an algorithm learns from."""
    chosen = ALGORITHMS.get(algorithm)
    return DrawnScenes if chosen.with_masks else _EXAMPLES[chosen.task]


def _note_fitted(run: RunFolder, fitted: Fitted) -> None:
    facts = {"steps": fitted.steps, "epochs": fitted.epochs, "best_epoch": fitted.best_epoch}
    run.finish("train", fitted.seconds, **facts, best_metric=fitted.best_metric)


def _mirror(runs: Runs, run_id: str, reporter: Reporter) -> Callable[[Row], None]:
    """Hand validations and every tenth step to MLflow, whose database takes milliseconds a call.

    Rows that MLflow does not take are in the run's folder all the same: training goes on.
    """

    def mirror(row: Row) -> None:
        step = int(row["step"])
        if "train/loss" in row and step % _MIRRORED_STEPS:
            return
        try:
            runs.log_metrics(run_id, {key: row[key] for key in row if key != "step"}, step)
        except StateError as problem:
            reporter.say(f"MLflow was not told of step {step}: {problem}")

    return mirror


def package_run(
    run: RunFolder, dataset: Dataset, config: ExportConfig, reporter: Reporter
) -> Packaged:
    """Export and score, unless that was done with the same options.

    The evaluations are stored and the stage is noted only once the package stands: killed in
    between, all of it is done again.
    """
    options = fingerprint(config.model_dump(mode="json"))
    noted = run.finished("export")
    if noted and noted["options"] == options and run.package.is_dir():
        reporter.say("export     unchanged, reused")
        return load_packaged(run)
    run.finish("export", 0.0, options="")
    watch = Stopwatch()
    with reporter.bar("export and score") as advance:
        packaged = make_package(
            run, dataset, config, run.package, progress=lambda a, b: advance(a, b, "")
        )
    proof = packaged.package.card.variant().certificate
    found = f", {proof.matched_objects} of {proof.objects} objects found" if proof.objects else ""
    if proof.mask_iou is not None:
        found += f", masks agree by {proof.mask_iou:.4f} (IoU) in every class"
    reporter.say(
        f"proof      the file is at most {proof.max_error:.1g} from the model on "
        f"{proof.pictures} held-out pictures; {proof.changed_decisions} decisions changed{found}"
    )
    packaged.validation.save(run.evaluation("validation"))
    packaged.test.save(run.evaluation("test"))
    run.finish("export", watch.seconds, options=options)
    return packaged
