"""The whole path of two-stage detectors: trained, exported for one picture at a time, served."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest
from scenes import make_scene_folder

from midrib import pipeline
from midrib.engines import load_predictor
from midrib.errors import ConfigError
from midrib.packages import Package, open_package
from midrib.records import Detections
from midrib.serving import ServeConfig, ServerProcess
from midrib.settings import Settings
from midrib.training import TrainConfig


def tiny(algorithm: str, **options: object) -> TrainConfig:
    return TrainConfig(
        algorithm=algorithm,
        backbone="timm:test_resnet",
        weights="none",
        epochs=2,
        batch_size=4,
        ema_decay=0.0,
        augmentation="none",
        device="cpu",
        **options,
    )


@dataclass(frozen=True)
class World:
    """A home with one trained and published two-stage detector."""

    settings: Settings
    scenes: Path
    package: Package

    @property
    def pictures(self) -> list[bytes]:
        """The first three."""
        return [path.read_bytes() for path in sorted((self.scenes / "images").iterdir())[:3]]


TRAINED = [pytest.param(name, marks=pytest.mark.soak) for name in ("r-fcn", "faster-rcnn")]
"""Mask R-CNN goes the same way whenever tests run: test_instance_path.py."""


@pytest.fixture(scope="module", params=TRAINED)
def two_stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("two-stage")
    settings = Settings(home=root / "home")
    scenes = make_scene_folder(root / "scenes", count=12)
    trained = pipeline.train(scenes, config=tiny(request.param), settings=settings)
    return World(settings, scenes, open_package(trained.package))


def test_two_stage_detectors_are_published(two_stage: World) -> None:
    """The card says that the file takes one picture, and so does what is shown of it."""
    card = two_stage.package.card
    assert not card.input.dynamic_batch
    assert card.suppression is not None
    shown = "\n".join(pipeline.show_package(two_stage.package.folder).lines())
    assert "one at a time" in shown


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_many_pictures_are_answered_one_by_one(two_stage: World, engine: str) -> None:
    """Asked together pictures get the answers that they get alone; samples those of the lab."""
    folder, settings = two_stage.package.folder, two_stage.settings
    assert pipeline.verify(folder, engine=engine, settings=settings).largest_difference < 1e-3
    predictor = load_predictor(two_stage.package, engine=engine)
    for answer, picture in zip(
        predictor.predict(two_stage.pictures), two_stage.pictures, strict=True
    ):
        [alone] = predictor.predict([picture])
        assert isinstance(answer, Detections)
        assert isinstance(alone, Detections)
        np.testing.assert_array_equal(answer.boxes, alone.boxes)


def test_the_server_asks_one_picture_at_a_time(two_stage: World) -> None:
    """Pictures that come at once are all answered, as the predictor answers them."""
    predictor = load_predictor(two_stage.package, engine="onnxruntime")
    config = ServeConfig(port=0, engine="onnxruntime", linger_seconds=0.1)
    with (
        ServerProcess([two_stage.package.folder], config, two_stage.settings) as server,
        ThreadPoolExecutor(3) as pool,
    ):
        address = f"{server.url}/v1/models/scenes:predict"
        ask = partial(httpx.post, address, timeout=60)
        responses = list(pool.map(lambda picture: ask(content=picture), two_stage.pictures))
    for response, picture in zip(responses, two_stage.pictures, strict=True):
        [answer] = response.json()["predictions"]
        assert answer.pop("id")
        [expected] = predictor.predict([picture])
        assert answer == json.loads(json.dumps(expected.as_record()))


def test_the_plan_is_explained_and_overridden(tmp_path: Path) -> None:
    """Levels of regions are told beside strides and anchors; what is given takes their place."""
    scenes = make_scene_folder(tmp_path / "scenes", count=12)
    settings = Settings(home=tmp_path / "home")
    told = pipeline.explain(scenes, config=tiny("faster-rcnn"), settings=settings)
    assert told.plan is not None
    assert told.plan.region_cells == 14
    assert any(line.startswith("regions") for line in told.lines())
    given = TrainConfig.resolve(
        None,
        ["strides=8,16", "anchor_sizes=20", "anchor_ratios=0.5,2", "region_cells=7", "size=128"],
        {"algorithm": "faster-rcnn", "backbone": "timm:test_resnet", "weights": "none"},
    )
    plan = pipeline.explain(scenes, config=given, settings=settings).plan
    assert plan is not None
    assert plan.strides == (8, 16)
    assert plan.sizes == ((20.0,), (40.0,))
    assert plan.ratios == (0.5, 2.0)
    assert (plan.region_cells, plan.height) == (7, 128)


def test_what_a_detector_has_no_regions_or_anchors_for_is_refused() -> None:
    """Levels of regions without a second stage, anchors for FCOS and wrong strides are told."""
    with pytest.raises(ConfigError, match="option 'region_cells' is 7 for retinanet"):
        TrainConfig(algorithm="retinanet", region_cells=7)
    with pytest.raises(ConfigError, match="option 'anchor_sizes'"):
        TrainConfig(algorithm="fcos", anchor_sizes=(8,))
    with pytest.raises(ConfigError, match="option 'loss' is 'focal' for faster-rcnn"):
        TrainConfig(algorithm="faster-rcnn", loss="focal")
    with pytest.raises(ConfigError, match="above 0"):
        TrainConfig(algorithm="faster-rcnn", strides=(0, 8))
