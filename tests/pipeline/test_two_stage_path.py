"""The whole path of two-stage detectors: trained, exported for one picture at a time, served."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import numpy as np
import pytest
from scenes import make_scene_folder

from midrib import pipeline
from midrib.engines import load_predictor
from midrib.errors import ConfigError
from midrib.packages import open_package
from midrib.records import Detections
from midrib.serving import ServeConfig, ServerProcess
from midrib.settings import Settings
from midrib.training import TrainConfig


def tiny(algorithm: str, **options: object) -> TrainConfig:
    return TrainConfig(
        algorithm=algorithm,
        backbone="timm:test_resnet",
        weights="none",
        epochs=3,
        batch_size=4,
        ema_decay=0.0,
        augmentation="none",
        device="cpu",
        **options,
    )


@pytest.mark.parametrize("algorithm", ["faster-rcnn", "r-fcn"])
def test_two_stage_detectors_go_the_whole_path(algorithm: str, tmp_path: Path) -> None:
    """Trained, proven, published; the file takes one picture, and many are answered all the same."""
    settings = Settings(home=tmp_path / "home")
    scenes = make_scene_folder(tmp_path / "scenes", count=12)
    trained = pipeline.train(scenes, config=tiny(algorithm), settings=settings)
    package = open_package(trained.package)
    assert not package.card.input.dynamic_batch
    assert package.card.suppression is not None
    shown = "\n".join(pipeline.show_package(trained.package).lines())
    assert "one at a time" in shown
    pictures = [path.read_bytes() for path in sorted((scenes / "images").iterdir())[:3]]
    for engine in ("onnxruntime", "openvino"):
        checked = pipeline.verify(trained.package, engine=engine, settings=settings)
        assert checked.largest_difference < 1e-3
        predictor = load_predictor(package, engine=engine)
        together = predictor.predict(pictures)
        for answer, picture in zip(together, pictures, strict=True):
            [alone] = predictor.predict([picture])
            assert isinstance(answer, Detections)
            assert isinstance(alone, Detections)
            np.testing.assert_array_equal(answer.boxes, alone.boxes)


def test_the_server_asks_one_picture_at_a_time(tmp_path: Path) -> None:
    """Pictures that come at once are all answered, as the predictor answers them."""
    settings = Settings(home=tmp_path / "home")
    scenes = make_scene_folder(tmp_path / "scenes", count=12)
    trained = pipeline.train(scenes, config=tiny("r-fcn"), settings=settings)
    predictor = load_predictor(open_package(trained.package), engine="onnxruntime")
    config = ServeConfig(port=0, engine="onnxruntime", linger_seconds=0.1)
    data = [path.read_bytes() for path in sorted((scenes / "images").iterdir())[:3]]
    with ServerProcess([trained.package], config, settings) as server:
        for picture in data:
            address = f"{server.url}/v1/models/scenes:predict"
            response = httpx.post(address, content=picture, timeout=60)
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
