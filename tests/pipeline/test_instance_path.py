"""The whole path of a detector that draws masks: train, prove, evaluate, serve, predict."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from scenes import COLOURS, make_scene_folder

from midrib import pipeline
from midrib.datasets import read_dataset
from midrib.engines import EngineOptions, OnnxRuntimeEngine, load_predictor
from midrib.errors import ConfigError, DatasetError, ParityError, UsageError
from midrib.evaluation import DetectionEvaluation, load_evaluation
from midrib.exporting import ExportConfig, ParityLimits, certify
from midrib.packages import open_package
from midrib.pipeline import Trained
from midrib.postprocessing import Suppression
from midrib.preprocessing import decode
from midrib.records import Detections
from midrib.run_lengths import decode_runs
from midrib.serving import ServeConfig, ServerProcess
from midrib.settings import Settings
from midrib.tiling import Tiling
from midrib.training import TrainConfig, trained_model

TINY = TrainConfig(
    algorithm="mask-rcnn",
    backbone="timm:test_resnet",
    weights="none",
    epochs=2,
    batch_size=4,
    ema_decay=0.0,
    augmentation="none",
    device="cpu",
)
MOST = 12
ALL = ExportConfig(threshold="0.05", suppression=Suppression(most_objects=MOST))
"""What is hardly learnt is hardly sure of anything; all of it is answered."""


class Drawn:
    """A home with one trained and published detector that draws."""

    def __init__(self, root: Path) -> None:
        self.settings = Settings(home=root / "home")
        self.scenes = make_scene_folder(root / "scenes", count=12, outlined=True)
        self.trained: Trained = pipeline.train(
            self.scenes, config=TINY, export_config=ALL, settings=self.settings
        )
        self.pictures = sorted((self.scenes / "images").iterdir())[:2]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    return Drawn(tmp_path_factory.mktemp("drawn"))


def test_train_publishes_a_detector_that_draws(drawn: Drawn) -> None:
    """The card tells how masks are pasted and proven; the report tells of masks."""
    card = open_package(drawn.trained.package).card
    assert (card.task, card.algorithm) == ("detection", "mask-rcnn")
    assert card.masks is not None
    assert (card.masks.cells, card.masks.threshold) == (28, 0.5)
    assert not card.input.dynamic_batch
    proof = card.variant().certificate
    assert proof.objects == proof.matched_objects > 0
    assert proof.mask_iou is not None
    assert proof.mask_iou >= 0.99
    shown = "\n".join(pipeline.show_package(drawn.trained.package).lines())
    assert "masks      28 × 28 in the box of each object" in shown
    page = drawn.trained.run.report.read_text()
    assert "Mask AP50" in page
    assert ">PQ<" in page


def test_scores_are_those_of_the_file_as_served(drawn: Drawn) -> None:
    """Evaluating the published package again gives the very scores, of masks and of boxes."""
    card = open_package(drawn.trained.package).card
    again = pipeline.evaluate("scenes", drawn.scenes, engine="onnxruntime", settings=drawn.settings)
    assert again.evaluation.scores == card.scores
    told = {score.metric for score in card.scores}
    assert {"mask_ap", "mask_ap50", "mask_ap75", "mask_ar", "ap50", "recall"} <= told
    kept = load_evaluation(drawn.trained.run.evaluation("test"))
    assert isinstance(kept, DetectionEvaluation)
    assert kept.as_record() == again.evaluation.as_record()
    assert isinstance(again.evaluation, DetectionEvaluation)
    for name in ("truth", "found"):
        pairs = zip(getattr(kept, name), getattr(again.evaluation, name), strict=True)
        assert all(one.masks == other.masks for one, other in pairs)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_engines_draw_the_same_objects(drawn: Drawn, engine: str) -> None:
    """Both engines find and draw the samples' objects, and as many as the package allows."""
    verified = pipeline.verify(drawn.trained.package, engine=engine, settings=drawn.settings)
    assert verified.largest_difference < 1e-2
    found = pipeline.predict("scenes", drawn.pictures, engine=engine, settings=drawn.settings)
    for answer in found.answers.values():
        assert isinstance(answer, Detections)
        assert 0 < len(answer) == len(answer.masks) <= MOST
        for box, mask in zip(answer.boxes, answer.masks, strict=True):
            assert (mask.height, mask.width) == (64, 96)
            rows, columns = np.nonzero(decode_runs(mask))
            inside = (columns >= box[0] - 1) & (columns <= box[2]) & (rows >= box[1] - 1)
            assert (inside & (rows <= box[3])).all()


def test_masks_are_those_of_the_upright_picture(drawn: Drawn) -> None:
    """A picture that is stored turned is answered as it is seen; together as alone."""
    upright = Image.fromarray(decode(drawn.pictures[0].read_bytes()))
    turned, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(turned, "PNG", exif=exif)
    predictor = load_predictor(open_package(drawn.trained.package), engine="onnxruntime")
    encoded = [path.read_bytes() for path in drawn.pictures]
    plain, other, again = predictor.predict([*encoded, turned.getvalue()])
    [alone] = predictor.predict(encoded[1:])
    assert isinstance(plain, Detections)
    assert again.as_record() == plain.as_record()
    assert alone.as_record() == other.as_record()


def test_objects_are_written_as_a_data_set(drawn: Drawn, tmp_path: Path) -> None:
    """Drawn, and with its picture beside it read again as what was answered, the surest on top."""
    [picture] = drawn.pictures[:1]
    found = pipeline.predict(
        "scenes",
        [picture],
        draw=tmp_path / "found.png",
        masks=tmp_path / "told",
        engine="onnxruntime",
        settings=drawn.settings,
    )
    assert found.masks == (tmp_path / "told" / "instances" / picture.name,)
    answer = found.answers[picture]
    assert isinstance(answer, Detections)
    pair = [decode(path.read_bytes()) for path in (picture, tmp_path / "found.png")]
    covered = np.any([decode_runs(mask) for mask in answer.masks], axis=0)
    assert (pair[0] != pair[1]).any(axis=2)[covered].mean() > 0.5
    (tmp_path / "told" / "images").mkdir()
    (tmp_path / "told" / "images" / picture.name).write_bytes(picture.read_bytes())
    [item] = read_dataset(tmp_path / "told").items
    left = covered
    shown = []
    for label, mask in zip(answer.labels, map(decode_runs, answer.masks), strict=True):
        if (mask & left).any():
            shown.append((label, mask & left))
        left = left & ~mask
    assert len(item.annotations) == len(shown)
    for each, (label, mask) in zip(item.annotations, shown, strict=True):
        assert each.label == label
        assert each.mask is not None
        np.testing.assert_array_equal(decode_runs(each.mask), mask)


def test_the_server_answers_masks(drawn: Drawn) -> None:
    """A real server that is asked at once gives each object's mask, or the picture drawn."""
    encoded = [path.read_bytes() for path in drawn.pictures]
    predictor = load_predictor(open_package(drawn.trained.package), engine="onnxruntime")
    config = ServeConfig(port=0, engine="onnxruntime", linger_seconds=0.1)
    with (
        ServerProcess(["scenes"], config, drawn.settings) as server,
        ThreadPoolExecutor(2) as pool,
    ):
        ask = partial(httpx.post, f"{server.url}/v1/models/scenes:predict", timeout=60)
        responses = list(pool.map(lambda data: ask(content=data), encoded))
        picture = ask(content=encoded[0], headers={"Accept": "image/png"})
    for response, each in zip(responses, predictor.predict(encoded), strict=True):
        [answer] = response.json()["predictions"]
        assert answer.pop("id")
        assert answer == json.loads(json.dumps(each.as_record()))
        assert {"label", "score", "box", "mask"} == answer["objects"][0].keys()
    assert picture.headers["Content-Type"] == "image/png"
    pair = decode(picture.content), decode(encoded[0])
    assert pair[0].shape == pair[1].shape
    assert (pair[0] != pair[1]).any()


def test_a_file_that_draws_otherwise_is_not_packaged(drawn: Drawn) -> None:
    """Where model and file differ by more than is asked, objects and masks are told."""
    run, items = drawn.trained.run, drawn.trained.dataset.of("test")
    model, recipe = trained_model(run), run.record().recipe
    engine = OnnxRuntimeEngine(run.onnx, EngineOptions())
    with pytest.raises(ParityError, match=r"objects were lost and masks agree by 1\.000|objects"):
        certify(model, engine, recipe, items, limits=ParityLimits(max_error=1e-12))


def test_what_has_no_masks_is_refused(drawn: Drawn, tmp_path: Path) -> None:
    """Boxes are no data for it, and tiles no way to look: each is told with a way out."""
    boxes = make_scene_folder(tmp_path / "boxes", count=8)
    with pytest.raises(DatasetError, match="for detection, and mask-rcnn is for instances") as one:
        pipeline.train(boxes, config=TINY, settings=drawn.settings)
    assert one.value.todo == "add --algorithm retinanet"
    with pytest.raises(DatasetError, match="no picture has an outline or a mask"):
        pipeline.evaluate("scenes", boxes, split="all", settings=drawn.settings)
    tiles = Tiling(size=64, overlap=8)
    with pytest.raises(ConfigError, match="option 'tiles' for mask-rcnn"):
        pipeline.train(
            drawn.scenes,
            config=TINY,
            export_config=ExportConfig(tiles=tiles),
            settings=drawn.settings,
        )
    with pytest.raises(UsageError, match="tiles for scenes, which is made for masks of objects"):
        load_predictor(open_package(drawn.trained.package), tiles=tiles)


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_masks_lie_on_what_is_drawn(tmp_path: Path) -> None:
    """Learnt long enough, masks are the pixels of the objects, in a larger picture too."""
    scenes = make_scene_folder(tmp_path / "scenes", count=40, outlined=True)
    config = TINY.model_copy(
        update={
            "backbone": "efficientnet-lite0",
            "weights": "packaged",
            "epochs": 30,
            "patience": 30,
            "learning_rate": 1e-3,
        }
    )
    settings = Settings(home=tmp_path / "home")
    settings.home.mkdir()
    settings.downloads.symlink_to(Settings().downloads)
    trained = pipeline.train(scenes, config=config, settings=settings)
    scores = {each.metric: each.value for each in open_package(trained.package).card.scores}
    assert scores["mask_ap50"] > 0.9
    predictor = load_predictor(open_package(trained.package), engine="onnxruntime")
    for scale in (1, 4):
        shared = united = 0
        for item in trained.dataset.of("test"):
            pixels = Image.open(item.path)
            larger = pixels.resize((96 * scale, 64 * scale), Image.Resampling.NEAREST)
            stream = io.BytesIO()
            larger.save(stream, "PNG")
            [answer] = predictor.predict([stream.getvalue()])
            assert isinstance(answer, Detections)
            found = [decode_runs(mask) for mask in answer.masks]
            one = np.any([np.zeros((64 * scale, 96 * scale), np.bool_), *found], axis=0)
            array = np.asarray(larger)
            other = np.any([(array == each).all(axis=2) for each in COLOURS.values()], axis=0)
            shared += int((one & other).sum())
            united += int((one | other).sum())
        assert shared / united > 0.85
