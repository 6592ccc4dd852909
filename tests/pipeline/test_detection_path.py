"""The whole path of a detector on drawn scenes: train, export, prove, evaluate, predict, serve."""

from __future__ import annotations

import io
import json
from pathlib import Path

import httpx
import numpy as np
import pytest
from photos import make_class_folders
from PIL import Image
from safetensors.numpy import load_file
from scenes import make_scene_folder

from midrib import pipeline
from midrib.backbones.listing.counting import facts_without_weights
from midrib.datasets import Item
from midrib.datasets.annotations import Annotation
from midrib.engines import load_predictor
from midrib.errors import ConfigError, DatasetError, TrainingError, UnknownNameError, UsageError
from midrib.evaluation import DetectionEvaluation, load_evaluation
from midrib.exporting import ExportConfig
from midrib.packages import open_package
from midrib.pipeline import Trained
from midrib.pipeline.running import counted_objects
from midrib.postprocessing import Suppression, overlaps
from midrib.preprocessing import decode
from midrib.records import Detections
from midrib.serving import ServeConfig, ServerProcess
from midrib.settings import Settings
from midrib.tiling import Tiling
from midrib.training import TrainConfig, planned

TINY = TrainConfig(
    algorithm="retinanet",
    backbone="timm:test_resnet",
    weights="none",
    epochs=12,
    patience=12,
    batch_size=4,
    learning_rate=1e-3,
    ema_decay=0.9,
    augmentation="none",
    device="cpu",
)


class Seen:
    """A home with one trained and published detector."""

    def __init__(self, root: Path) -> None:
        self.settings = Settings(home=root / "home")
        self.scenes = make_scene_folder(root / "scenes", count=16)
        self.trained: Trained = pipeline.train(self.scenes, config=TINY, settings=self.settings)
        self.picture, self.score = self.surest()

    def surest(self) -> tuple[Path, float]:
        """The picture with the object that the model is surest of, and how sure it is."""
        predictor = load_predictor(open_package(self.trained.package), engine="onnxruntime")
        found = {}
        for picture in sorted((self.scenes / "images").iterdir()):
            view = predictor.view(picture.read_bytes())
            [looked] = predictor.look([view])
            found[picture] = float(looked.found.scores.max(initial=0))
        return max(found.items(), key=lambda each: each[1])


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return Seen(tmp_path_factory.mktemp("seen"))


def test_train_publishes_a_detector(seen: Seen) -> None:
    """The card says task, algorithm, suppression and letterbox; the report tells of objects."""
    card = open_package(seen.trained.package).card
    assert (card.task, card.algorithm, card.labels) == ("detection", "retinanet", ["blue", "red"])
    assert card.suppression is not None
    assert card.preprocessing.fit == "letterbox"
    assert card.input.dynamic_batch
    shown = "\n".join(pipeline.show_package(seen.trained.package).lines())
    assert f"objects from score {card.decision.threshold:.3f} on" in shown
    page = seen.trained.run.report.read_text()
    assert "Objects by class" in page
    assert "AP50" in page


def test_scores_are_those_of_the_file_as_served(seen: Seen) -> None:
    """Evaluating the published package again gives the very scores on its card."""
    card = open_package(seen.trained.package).card
    again = pipeline.evaluate("scenes", seen.scenes, engine="onnxruntime", settings=seen.settings)
    assert again.evaluation.scores == card.scores
    kept = load_evaluation(seen.trained.run.evaluation("test"))
    assert isinstance(kept, DetectionEvaluation)
    assert kept.as_record() == {**again.evaluation.as_record(), "split": "test"}


def test_an_equal_run_is_reused(seen: Seen) -> None:
    """The same options and data train nothing again."""
    before = seen.trained.run.stages()
    again = pipeline.train(seen.scenes, config=TINY, settings=seen.settings)
    assert again.run.path == seen.trained.run.path
    assert again.run.stages()["train"] == before["train"]


def lowered(seen: Seen, root: Path) -> Path:
    """The package of the run, answering what it is half as sure of as of its surest object."""
    exported = pipeline.export(
        seen.trained.run.path,
        config=ExportConfig(threshold=f"{seen.score / 2:.3f}"),
        output=root / "lowered",
    )
    return exported.package


@pytest.fixture(scope="session")
def package(seen: Seen, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lowered(seen, tmp_path_factory.mktemp("package"))


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_engines_find_the_same_objects(package: Path, seen: Seen, engine: str) -> None:
    """Both engines answer boxes in the picture's own pixels, and its samples as the lab did."""
    assert pipeline.verify(package, engine=engine, settings=seen.settings).largest_difference < 1e-3
    found = pipeline.predict(str(package), [seen.picture], engine=engine, settings=seen.settings)
    answer = found.answers[seen.picture]
    assert isinstance(answer, Detections)
    assert len(answer) > 0
    assert (answer.boxes >= 0).all()
    assert (answer.boxes <= np.array([96, 64, 96, 64])).all()
    assert (np.diff(answer.scores) <= 0).all()
    assert found.lines()[0] == f"{seen.picture}: {counted_objects(len(answer))}"


def test_a_turned_picture_has_its_objects_where_it_is_upright(package: Path, seen: Seen) -> None:
    """With an EXIF orientation the boxes are those of the upright picture."""
    upright = Image.fromarray(decode(seen.picture.read_bytes()))
    stored, exif = upright.transpose(Image.Transpose.ROTATE_90), Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    stored.save(stream, "PNG", exif=exif)
    predictor = load_predictor(open_package(package), engine="onnxruntime")
    plain, turned = predictor.predict([seen.picture.read_bytes(), stream.getvalue()])
    assert isinstance(plain, Detections)
    assert isinstance(turned, Detections)
    assert plain.labels == turned.labels
    np.testing.assert_allclose(plain.boxes, turned.boxes, atol=1e-2)


def test_a_larger_picture_has_larger_boxes(package: Path, seen: Seen) -> None:
    """Boxes are in pixels of the picture that was sent, not of the model's input."""
    stream = io.BytesIO()
    small = Image.fromarray(decode(seen.picture.read_bytes()))
    small.resize((384, 256), Image.Resampling.NEAREST).save(stream, "PNG")
    predictor = load_predictor(open_package(package), engine="onnxruntime")
    [plain] = predictor.predict([seen.picture.read_bytes()])
    [larger] = predictor.predict([stream.getvalue()])
    assert isinstance(plain, Detections)
    assert isinstance(larger, Detections)
    assert overlaps(plain.boxes[:1] * 4, larger.boxes).max() > 0.7


def test_objects_are_drawn_into_the_picture(package: Path, seen: Seen, tmp_path: Path) -> None:
    """One picture is drawn to the file that was named, several into a folder."""
    others = sorted((seen.scenes / "images").iterdir())[:2]
    pictures = [seen.picture, *(each for each in others if each != seen.picture)]
    one = tmp_path / "found.jpg"
    found = pipeline.predict(str(package), pictures[:1], draw=one, settings=seen.settings)
    assert found.drawn == (one,)
    assert decode(one.read_bytes()).shape == (64, 96, 3)
    several = pipeline.predict(str(package), pictures, draw=tmp_path / "d", settings=seen.settings)
    pair = [decode(path.read_bytes()) for path in (seen.picture, several.drawn[0])]
    assert (pair[0] != pair[1]).any()
    assert len(several.drawn) == len(pictures)
    with pytest.raises(UsageError, match="not the name of a picture"):
        pipeline.predict(str(package), pictures[:1], draw=tmp_path / "x.y", settings=seen.settings)


def test_the_shape_is_explained(seen: Seen) -> None:
    """Explaining tells the plan that training took, and trains nothing."""
    runs = sorted((seen.settings.home / "runs").iterdir())
    told = pipeline.explain(seen.scenes, config=TINY, settings=seen.settings)
    assert told.plan == seen.trained.run.record().plan
    assert told.recipe == seen.trained.run.record().recipe
    assert any(line.startswith("stride 4") for line in told.lines())
    assert sorted((seen.settings.home / "runs").iterdir()) == runs


def test_the_server_answers_what_the_predictor_finds(package: Path, seen: Seen) -> None:
    """A real server gives each picture's boxes, scores and labels."""
    data = seen.picture.read_bytes()
    [expected] = load_predictor(open_package(package), engine="onnxruntime").predict([data])
    config = ServeConfig(port=0, engine="onnxruntime", linger_seconds=0.1)
    with ServerProcess([package], config, seen.settings) as server:
        response = httpx.post(f"{server.url}/v1/models/scenes:predict", content=data, timeout=60)
        shown = httpx.get(f"{server.url}/v1/models/scenes", timeout=60).json()
    assert response.status_code == 200
    [answer] = response.json()["predictions"]
    assert answer.pop("id")
    assert answer == json.loads(json.dumps(expected.as_record()))
    assert shown["task"] == "detection"


@pytest.mark.soak
def test_a_package_is_made_again_with_tiles(seen: Seen, tmp_path: Path) -> None:
    """Tiles and suppression go into the card, are told, and are what predict goes by."""
    tiles, kept = Tiling(size=96, overlap=32), Suppression(most_objects=7)
    config = ExportConfig(threshold=f"{seen.score / 2:.3f}", tiles=tiles, suppression=kept)
    package = pipeline.export(
        seen.trained.run.path, config=config, output=tmp_path / "tiled"
    ).package
    card = open_package(package).card
    assert (card.tiles, card.suppression) == (tiles, kept)
    assert "in tiles of 96 pixels that overlap by 32" in "\n".join(
        pipeline.show_package(package).lines()
    )
    large = tmp_path / "large.png"
    scene = decode(seen.picture.read_bytes())
    Image.fromarray(np.tile(scene, (2, 3, 1))).save(large)
    [answer] = pipeline.predict(str(package), [large], settings=seen.settings).answers.values()
    assert isinstance(answer, Detections)
    assert len(answer) > 0
    assert (answer.boxes <= np.array([288, 128, 288, 128])).all()
    other = Tiling(size=64, overlap=32)
    again = pipeline.predict(str(package), [large], tiles=other, settings=seen.settings)
    assert again.answers[large].as_record() != answer.as_record()


def test_tiles_for_a_classifier_are_refused_first(tmp_path: Path) -> None:
    """What only a detector has a use for is refused before a picture is read."""
    config = ExportConfig(tiles=Tiling.of(64))
    with pytest.raises(ConfigError, match="option 'tiles' for classification"):
        pipeline.train(
            tmp_path / "none",
            config=TrainConfig(weights="none"),
            export_config=config,
            settings=Settings(home=tmp_path / "home"),
        )


def test_data_for_another_task_are_told_apart(seen: Seen, tmp_path: Path) -> None:
    """Boxes for a classifier and classes for a detector are refused, naming what to use."""
    with pytest.raises(DatasetError, match="labelled for detection, and linear-classifier") as one:
        pipeline.train(seen.scenes, config=TrainConfig(weights="none"), settings=seen.settings)
    assert one.value.todo == "add --algorithm retinanet"
    photos = make_class_folders(tmp_path / "photos")
    with pytest.raises(DatasetError, match="labelled for classification, and retinanet") as other:
        pipeline.train(photos, config=TINY, settings=Settings(home=tmp_path / "home"))
    assert other.value.todo == "add --algorithm linear-classifier"


def test_training_without_a_box_is_refused(tmp_path: Path) -> None:
    """A training split of empty pictures is told before anything is learnt."""
    facts = facts_without_weights("resnet18")
    empty = [Item(tmp_path / "a.png", (), width=64, height=64)]
    with pytest.raises(DatasetError, match="none of the 1 training pictures has an object"):
        planned(TINY, facts, empty)
    crowd = Annotation("red", (0, 0, 9, 9), crowd=True)
    with pytest.raises(DatasetError, match="has an object"):
        planned(TINY, facts, [Item(tmp_path / "a.png", (), annotations=(crowd,))])


def test_options_without_use_are_refused() -> None:
    """What means nothing to a detector, or to a classifier, is never ignored."""
    with pytest.raises(ConfigError, match=r"option 'mixup' is 0\.2 for retinanet"):
        TrainConfig(algorithm="retinanet", mixup=0.2)
    with pytest.raises(ConfigError, match="option 'box_loss' is 'ciou' for linear-classifier"):
        TrainConfig(box_loss="ciou")
    with pytest.raises(UnknownNameError, match="did you mean 'retinanet'"):
        TrainConfig(algorithm="retinet")
    chosen = TrainConfig(algorithm="retinanet", batch_size=5)
    assert (chosen.fit, chosen.metric, chosen.batch_size) == ("letterbox", "ap50", 5)
    assert TrainConfig(**chosen.model_dump()) == chosen


def test_a_loss_that_is_no_number_stops_and_keeps_its_batch(tmp_path: Path) -> None:
    """Training ends with one line, its batch in a file beside the checkpoints that were good."""
    scenes = make_scene_folder(tmp_path / "scenes", count=12)
    wild = TINY.model_copy(update={"learning_rate": 1e30, "gradient_clip": 0.0})
    with pytest.raises(TrainingError, match=r"the loss is .* its batch is in") as caught:
        pipeline.train(scenes, config=wild, settings=Settings(home=tmp_path / "home"))
    assert "--learning-rate" in caught.value.todo
    [kept] = (tmp_path / "home" / "runs").glob("*/diverged.safetensors")
    batch = load_file(kept)
    assert batch["pictures"].dtype == np.uint8
    assert "boxes-0" in batch
