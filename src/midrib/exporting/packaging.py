"""From a finished run to a proven package: export ▸ certify ▸ score ▸ decide ▸ write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from midrib.datasets import Dataset, Item
from midrib.engines import Choice, EngineOptions, OnnxRuntimeEngine, Predictor
from midrib.evaluation import (
    AnyEvaluation,
    DetectionEvaluation,
    SegmentationEvaluation,
    best_threshold,
    build_reference,
    choose_threshold,
    decide_again,
    evaluate_package,
    load_evaluation,
    with_leaks,
)
from midrib.exporting.config import ExportConfig, as_number
from midrib.exporting.onnx_file import export_onnx
from midrib.exporting.parity import certify
from midrib.names import unknown_name
from midrib.packages import (
    Card,
    Certificate,
    Decision,
    ModelInput,
    Package,
    PackageContent,
    Sample,
    Variant,
    open_package,
    write_package,
)
from midrib.packages.sample_answers import SampleAnswer, rows_of
from midrib.pasting import MaskPasting
from midrib.postprocessing import PixelDecision, Suppression
from midrib.preprocessing import DecodeLimits
from midrib.records import Found
from midrib.storage import file_sha256
from midrib.tasks import TaskModel
from midrib.tasks.detection import Detector
from midrib.tasks.segmentation import Segmenter
from midrib.training import RunFolder, RunRecord, trained_model

FLOAT_VARIANT = "fp32"
BALANCED = "balanced"


@dataclass(frozen=True)
class Packaged:
    """A package and what was measured on its file."""

    package: Package
    validation: AnyEvaluation
    test: AnyEvaluation


def make_package(
    folder: RunFolder,
    dataset: Dataset,
    config: ExportConfig,
    target: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Packaged:
    """Export a run's best weights, prove the file and write the package to ``target``.

    The threshold is chosen on the validation split; the scores on the card are the test split's.

    Args:
        folder: the run, trained.
        dataset: its pictures with their splits.
        config: the options.
        target: the package's folder.
        progress: is told how many held-out pictures are scored.

    Raises:
        ParityError: the file does not answer like the model.
        StorageError: the package cannot be written.
    """
    record, model = folder.record(), trained_model(folder)
    if isinstance(model, Detector):
        model.suppression = config.suppression or Suppression()
    export_onnx(model, record.recipe, folder.onnx)
    engine = OnnxRuntimeEngine(folder.onnx, EngineOptions())
    validation_items, test_items = dataset.of("validation"), dataset.of("test")
    held_out = [*test_items, *validation_items]
    certificate = certify(model, engine, record.recipe, held_out, limits=config.parity)
    card = _draft_card(record, model, folder.onnx, certificate, config)
    if card.task == "segmentation":
        card = card.model_copy(update={"decision": _decision_of_pixels(card.labels, config)})

    undecided = _Scorer(card, engine, folder.path)
    validation = undecided.evaluate(validation_items, "validation", progress)
    decision = _decide(validation, config)
    validation = decide_again(validation, decision)
    card = card.model_copy(update={"decision": decision})
    test = _Scorer(card, engine, folder.path).evaluate(test_items, "test", progress)
    leaked = folder.leaked()
    test = with_leaks(test, [item.path for item in test_items if item.sha256 in leaked])

    samples = _samples(validation, config.samples)
    return _write(card, folder.onnx, validation, test, samples=samples, target=target)


def load_packaged(folder: RunFolder) -> Packaged:
    """What `make_package` left in a run's folder. Raises ``PackageError``, ``StorageError``."""
    return Packaged(
        package=open_package(folder.package),
        validation=load_evaluation(folder.evaluation("validation")),
        test=load_evaluation(folder.evaluation("test")),
    )


def decide_otherwise(packaged: Packaged, config: ExportConfig, target: Path) -> Packaged:
    """The same file under another decision, written to ``target``; asks the model nothing.

    Raises ``StorageError`` when the package cannot be written.
    """
    decision = _decide(packaged.validation, config)
    validation = decide_again(packaged.validation, decision)
    test = decide_again(packaged.test, decision)
    package = packaged.package
    card = package.card.model_copy(update={"decision": decision})
    file = package.file(card.variant())
    return _write(card, file, validation, test, samples=package.samples, target=target)


def _write(
    card: Card,
    file: Path,
    validation: AnyEvaluation,
    test: AnyEvaluation,
    *,
    samples: list[Sample],
    target: Path,
) -> Packaged:
    content = PackageContent(
        card=card.model_copy(update={"scores": test.scores}),
        files={file.name: file},
        reference=build_reference(validation),
        samples=samples,
    )
    return Packaged(write_package(content, target), validation, test)


def _draft_card(
    record: RunRecord, model: TaskModel, file: Path, certificate: Certificate, config: ExportConfig
) -> Card:
    finds = model.task == "detection"
    cells = model.mask_cells if isinstance(model, Detector) else None
    return Card(
        name=record.name,
        task=model.task,
        algorithm=record.train.algorithm,
        labels=record.labels,
        backbone=model.backbone.facts.name,
        embedding_size=model.embedding_size,
        suppression=(config.suppression or Suppression()) if finds else None,
        masks=MaskPasting(cells=cells) if cells else None,
        tiles=config.tiles,
        pixels=PixelDecision(stride=model.stride) if isinstance(model, Segmenter) else None,
        input=ModelInput(
            height=record.recipe.height,
            width=record.recipe.width,
            dynamic_batch=model.dynamic_batch,
        ),
        preprocessing=record.recipe,
        preprocessing_hash=record.recipe.hash(),
        data_version=record.data_version,
        data_licence=record.data_licence,
        run=record.tracking_run,
        weights_origin=record.weights_origin,
        weights_licence=record.weights_licence,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        variants=[
            Variant(
                name=FLOAT_VARIANT,
                file=file.name,
                size_bytes=file.stat().st_size,
                sha256=file_sha256(file),
                certificate=certificate,
            )
        ],
    )


@dataclass(frozen=True)
class _Scorer:
    """Scores the file before it is in a package, by the predictor that will serve it."""

    card: Card
    engine: OnnxRuntimeEngine
    folder: Path

    def evaluate(
        self, items: Sequence[Item], split: str, progress: Callable[[int, int], None] | None
    ) -> AnyEvaluation:
        choice = Choice(self.engine.name, "packages are scored in it", [], remembered=False)
        predictor = Predictor(
            self.card, self.card.variant(), self.engine, choice, DecodeLimits(), self.card.tiles
        )
        draft = Package(folder=self.folder, card=self.card)
        return evaluate_package(draft, items, predictor, split=split, progress=progress)


def _decision_of_pixels(labels: Sequence[str], config: ExportConfig) -> Decision:
    """How a segmenter decides, known before it is scored: nothing of it is chosen by scores."""
    if len(labels) != 2:
        return Decision()
    threshold = None if config.threshold is None else as_number(config.threshold)
    return Decision(positive=labels[1], threshold=0.5 if threshold is None else threshold)


def _decide(validation: AnyEvaluation, config: ExportConfig) -> Decision:
    if isinstance(validation, SegmentationEvaluation):
        return _decision_of_pixels(validation.labels, config)
    threshold = None if config.threshold is None else as_number(config.threshold)
    if isinstance(validation, DetectionEvaluation):
        if threshold is None:
            pair = validation.truth, validation.found
            threshold = best_threshold(*pair, validation.shape)
        return Decision(threshold=threshold)
    if config.positive is None:
        return Decision()
    if config.positive not in validation.labels:
        raise unknown_name("label", config.positive, validation.labels)
    if threshold is None:
        rule = config.threshold or BALANCED
        threshold = choose_threshold(validation, rule, positive=config.positive)
    return Decision(positive=config.positive, threshold=threshold)


def _samples(validation: AnyEvaluation, count: int) -> list[Sample]:
    """Pictures spread evenly over the split, with the answers of the file."""
    step = max(1, len(validation) // count)
    return [
        Sample(
            file=f"{index:04d}{validation.paths[index].suffix.lower()}",
            data=validation.paths[index].read_bytes(),
            answer=_answer(validation, index),
        )
        for index in list(range(0, len(validation), step))[:count]
    ]


def _answer(validation: AnyEvaluation, index: int) -> SampleAnswer:
    if isinstance(validation, SegmentationEvaluation):
        return validation.masks_of(index)
    if not isinstance(validation, DetectionEvaluation):
        probabilities: list[float] = validation.answer[index].tolist()
        return probabilities
    sure = validation.answered[index]
    found = Found(sure.xyxy, sure.scores, sure.classes, sure.masks)
    return found if validation.with_masks else rows_of(found)
