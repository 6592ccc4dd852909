"""The whole path of a segmenter on drawn scenes: train, prove, evaluate, serve, predict, watch."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from photos import make_class_folders
from PIL import Image
from scenes import COLOURS, draw_scene, make_scene_folder

from midrib import pipeline
from midrib.datasets import read_dataset
from midrib.engines import EngineOptions, OnnxRuntimeEngine, load_predictor
from midrib.errors import ConfigError, DatasetError, ParityError, UsageError
from midrib.evaluation import SegmentationEvaluation, load_evaluation
from midrib.exporting import ExportConfig, ParityLimits, certify
from midrib.packages import Card, Decision, open_package
from midrib.pipeline import Trained
from midrib.postprocessing import painted
from midrib.preprocessing import decode
from midrib.records import Segmentation
from midrib.serving import ServeConfig, ServerProcess
from midrib.settings import Settings
from midrib.training import TrainConfig, trained_model

TINY = TrainConfig(
    algorithm="unet",
    backbone="timm:test_resnet",
    weights="none",
    epochs=12,
    patience=12,
    batch_size=4,
    learning_rate=5e-3,
    ema_decay=0.9,
    augmentation="none",
    device="cpu",
)
LABELS = ["background", "blue", "red"]


class Told:
    """A home with one trained and published segmenter."""

    def __init__(self, root: Path) -> None:
        self.settings = Settings(home=root / "home")
        self.scenes = make_scene_folder(root / "scenes", count=16, outlined=True)
        self.trained: Trained = pipeline.train(self.scenes, config=TINY, settings=self.settings)
        self.pictures = sorted((self.scenes / "images").iterdir())[:2]


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return Told(tmp_path_factory.mktemp("told"))


def test_train_publishes_a_segmenter(told: Told) -> None:
    """The card says task, stride, letterbox and proof; the report tells of pixels."""
    card = open_package(told.trained.package).card
    assert (card.task, card.algorithm, card.labels) == ("segmentation", "unet", LABELS)
    assert card.pixels is not None
    assert card.pixels.stride == 1
    assert card.preprocessing.fit == "letterbox"
    assert card.input.dynamic_batch
    proof = card.variant().certificate
    assert proof.mask_iou is not None
    assert proof.mask_iou >= 0.99
    shown = "\n".join(pipeline.show_package(told.trained.package).lines())
    assert "the most probable class of each pixel" in shown
    page = told.trained.run.report.read_text()
    assert "Pixels by class" in page
    assert "mIoU" in page
    assert "What pixels are taken for" in page


def test_scores_are_those_of_the_file_as_served(told: Told) -> None:
    """Evaluating the published package again gives the very scores on its card."""
    card = open_package(told.trained.package).card
    again = pipeline.evaluate("scenes", told.scenes, engine="onnxruntime", settings=told.settings)
    assert again.evaluation.scores == card.scores
    assert {"miou", "iou:red", "dice:blue", "boundary_iou:red"} <= {
        score.metric for score in card.scores
    }
    kept = load_evaluation(told.trained.run.evaluation("test"))
    assert isinstance(kept, SegmentationEvaluation)
    assert kept.as_record() == again.evaluation.as_record()
    whole = pipeline.evaluate(
        "scenes", told.scenes, split="all", engine="onnxruntime", settings=told.settings
    )
    assert whole.evaluation.score("accuracy").value > 0.8
    assert len(whole.evaluation) == 16


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_engines_tell_the_same_classes(told: Told, engine: str) -> None:
    """Both engines answer its samples as the lab did, in the picture's own pixels."""
    verified = pipeline.verify(told.trained.package, engine=engine, settings=told.settings)
    assert verified.largest_difference < 1e-3
    found = pipeline.predict("scenes", told.pictures, engine=engine, settings=told.settings)
    for picture, answer in found.answers.items():
        assert isinstance(answer, Segmentation)
        assert answer.size == (64, 96)
        assert sum(answer.pixels.values()) == 64 * 96
        right = _truth(picture) == painted(answer.masks, LABELS, answer.size)
        assert right.mean() > 0.8
    assert found.lines()[0] == f"{told.pictures[0]}:"
    assert "background" in found.lines()[1]


def _truth(picture: Path) -> np.ndarray:
    """The place of each pixel's class: objects are of one colour, what is grey is background."""
    pixels = decode(picture.read_bytes())
    truth = np.zeros(pixels.shape[:2], np.uint8)
    for label, colour in COLOURS.items():
        truth[(pixels == colour).all(axis=2)] = LABELS.index(label)
    return truth


def test_masks_are_those_of_the_upright_picture(told: Told) -> None:
    """With an EXIF orientation, and enlarged, masks lie where objects are seen."""
    upright = Image.fromarray(decode(told.pictures[0].read_bytes()))
    turned, larger, exif = io.BytesIO(), io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(turned, "PNG", exif=exif)
    upright.resize((288, 192), Image.Resampling.NEAREST).save(larger, "PNG")
    predictor = load_predictor(open_package(told.trained.package), engine="onnxruntime")
    encoded = [told.pictures[0].read_bytes(), turned.getvalue(), larger.getvalue()]
    plain, again, large = predictor.predict(encoded)
    assert isinstance(plain, Segmentation)
    assert isinstance(again, Segmentation)
    assert isinstance(large, Segmentation)
    assert (again.size, again.masks) == (plain.size, plain.masks)
    assert large.size == (192, 288)
    small = painted(plain.masks, LABELS, plain.size)
    big = painted(large.masks, LABELS, large.size)
    assert (big[1::3, 1::3] == small).mean() > 0.95


def test_masks_are_drawn_into_the_picture(told: Told, tmp_path: Path) -> None:
    """One picture is drawn to the file that was named; only where classes are it changes."""
    target = tmp_path / "found.png"
    found = pipeline.predict(
        "scenes", told.pictures[:1], draw=target, engine="onnxruntime", settings=told.settings
    )
    assert found.drawn == (target,)
    pair = [decode(path.read_bytes()) for path in (told.pictures[0], target)]
    answer = found.answers[told.pictures[0]]
    assert isinstance(answer, Segmentation)
    changed = (pair[0] != pair[1]).any(axis=2)
    assert changed[painted(answer.masks, LABELS, answer.size) > 0].mean() > 0.5


def test_masks_are_written_as_a_data_set(told: Told, tmp_path: Path) -> None:
    """With its picture beside it a mask is read again as what was answered."""
    found = pipeline.predict(
        "scenes", told.pictures[:1], masks=tmp_path, engine="onnxruntime", settings=told.settings
    )
    [picture] = told.pictures[:1]
    assert found.masks == (tmp_path / "masks" / picture.name,)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / picture.name).write_bytes(picture.read_bytes())
    dataset = read_dataset(tmp_path)
    answer = found.answers[picture]
    assert isinstance(answer, Segmentation)
    assert set(dataset.labels) == set(LABELS[1:])
    [item] = dataset.items
    assert {each.label: each.mask for each in item.annotations} == answer.masks
    with pytest.raises(UsageError, match="2 pictures are called"):
        pipeline.predict(
            "scenes", [picture, tmp_path / "images"], masks=tmp_path, settings=told.settings
        )


def test_the_shape_is_explained(told: Told) -> None:
    """Explaining tells the plan that training took, and trains nothing."""
    runs = sorted((told.settings.home / "runs").iterdir())
    explained = pipeline.explain(told.scenes, config=TINY, settings=told.settings)
    assert explained.plan == told.trained.run.record().plan
    assert explained.recipe == told.trained.run.record().recipe
    lines = "\n".join(explained.lines())
    assert "labels     background, blue, red" in lines
    assert "dice+cross-entropy of the pixels" in lines
    assert sorted((told.settings.home / "runs").iterdir()) == runs


def test_the_server_answers_masks_and_the_log_counts_pixels(told: Told) -> None:
    """A real server gives each class's mask, and what is watched is the share of pixels."""
    encoded = [path.read_bytes() for path in told.pictures]
    predictor = load_predictor(open_package(told.trained.package), engine="onnxruntime")
    expected = predictor.predict(encoded)
    config = ServeConfig(port=0, engine="onnxruntime", linger_seconds=0.1)
    with ServerProcess(["scenes"], config, told.settings) as server:
        url = f"{server.url}/v1/models/scenes:predict"
        for data, each in zip(encoded, expected, strict=True):
            response = httpx.post(url, content=data, timeout=60)
            assert response.status_code == 200
            [answer] = response.json()["predictions"]
            assert answer.pop("id")
            assert answer == json.loads(json.dumps(each.as_record()))
        shown = httpx.get(f"{server.url}/v1/models/scenes", timeout=60).json()
        wanted = {"Accept": "image/png"}
        drawn = httpx.post(url, content=encoded[0], headers=wanted, timeout=60)
    assert shown["task"] == "segmentation"
    assert drawn.headers["Content-Type"] == "image/png"
    pair = decode(drawn.content), decode(encoded[0])
    assert pair[0].shape == pair[1].shape
    assert (pair[0] != pair[1]).any()
    watched = pipeline.monitor("scenes", settings=told.settings)
    [version] = watched.as_record()["versions"]
    shares = [each.shares for each in expected if isinstance(each, Segmentation)]
    for label in LABELS:
        live = version["classes"][label]
        asked = sum(each[label] for each in [*shares, shares[0]])
        assert live["pictures"] == pytest.approx(asked, abs=2e-3)
        assert live["reference"] is not None
    assert "% background" in "\n".join(watched.lines())


def test_a_file_that_answers_otherwise_is_not_packaged(told: Told) -> None:
    """Where file and model differ by more than is asked, how far masks agree is told."""
    run, items = told.trained.run, told.trained.dataset.of("test")
    model, recipe = trained_model(run), run.record().recipe
    engine = OnnxRuntimeEngine(run.onnx, EngineOptions())
    proof = certify(model, engine, recipe, items)
    assert proof.mask_iou == 1
    assert proof.pictures == len(items)
    with pytest.raises(ParityError, match="masks agree by"):
        certify(model, engine, recipe, items, limits=ParityLimits(max_error=1e-12))


def test_data_for_another_task_are_told_apart(told: Told, tmp_path: Path) -> None:
    """Boxes and classes for a segmenter, and masks for a classifier, are refused with a way out."""
    boxes = make_scene_folder(tmp_path / "boxes", count=8)
    photos = make_class_folders(tmp_path / "photos", each=4)
    with pytest.raises(DatasetError, match="labelled for detection, and unet is for") as one:
        pipeline.train(boxes, config=TINY, settings=told.settings)
    assert one.value.todo == "add --algorithm retinanet"
    with pytest.raises(DatasetError, match="labelled for classification, and unet is for"):
        pipeline.train(photos, config=TINY, settings=told.settings)
    classifier = TrainConfig(weights="none")
    with pytest.raises(DatasetError, match="labelled for segmentation, and linear-cl") as other:
        pipeline.train(told.scenes, config=classifier, settings=told.settings)
    assert other.value.todo.startswith("add --algorithm unet, or retinanet for boxes, or mask-rcnn")
    with pytest.raises(DatasetError, match="no picture has an outline or a mask"):
        pipeline.evaluate("scenes", boxes, split="all", settings=told.settings)


def _one_class(root: Path) -> Path:
    """Masks of one class; one of them has a value that nothing names."""
    random = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number in range(10):
        pixels, objects = draw_scene(random, (64, 64))
        mask = np.zeros((64, 64), np.uint8)
        for _, (left, top, right, bottom) in objects:
            mask[top:bottom, left:right] = 1
        mask[:2, :2] = 9 if number == 3 else mask[:2, :2]
        Image.fromarray(pixels).save(root / "images" / f"{number}.png")
        Image.fromarray(mask).save(root / "masks" / f"{number}.png")
    (root / "classes.csv").write_text("value,label\n0,background\n1,block\n")
    return root


@pytest.mark.soak
def test_one_class_is_told_from_a_threshold_on(tmp_path: Path) -> None:
    """A pixel is of the one class from a probability on that can be chosen; faults are told."""
    blocks, settings = _one_class(tmp_path / "blocks"), Settings(home=tmp_path / "home")
    checked = pipeline.check(blocks, settings=settings)
    assert "value 9 (4 pixels) is in no list of classes" in json.dumps(checked.as_record())
    config = TINY.model_copy(update={"epochs": 1, "algorithm": "fpn"})
    low = ExportConfig(threshold="0.01")
    trained = pipeline.train(blocks, config=config, export_config=low, settings=settings)
    package = open_package(trained.package)
    assert package.card.labels == ["background", "block"]
    assert package.card.decision == Decision(positive="block", threshold=0.01)
    assert "'block' from probability 0.010 on, for each pixel" in "\n".join(
        pipeline.show_package(trained.package).lines()
    )
    predictor = load_predictor(package, engine="onnxruntime")
    surer = package.card.decision.model_copy(update={"threshold": 0.99})
    pixels = []
    for each in (predictor, replace(predictor, card=_deciding(package.card, surer))):
        [answer] = each.predict([(blocks / "images" / "1.png").read_bytes()])
        assert isinstance(answer, Segmentation)
        pixels.append(answer.pixels["block"])
    assert pixels[0] > pixels[1]


def _deciding(card: Card, decision: Decision) -> Card:
    return card.model_copy(update={"decision": decision})


def test_a_threshold_is_about_one_class(told: Told) -> None:
    """Among several classes the most probable wins; a positive class is the other tasks' word."""
    with pytest.raises(DatasetError, match="a threshold among 3 classes of pixels"):
        pipeline.export(told.trained.run.path, config=ExportConfig(threshold="0.4"))
    with pytest.raises(ConfigError, match="a positive class 'red' of pixels"):
        pipeline.export(told.trained.run.path, config=ExportConfig(positive="red"))
