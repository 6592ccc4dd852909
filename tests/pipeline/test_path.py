"""The whole path on one small folder of real pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from photos import make_class_folders
from pipeline.conftest import SMALL, World

from midrib import pipeline
from midrib.engines import load_predictor
from midrib.errors import (
    DatasetError,
    PackageError,
    PictureError,
    UnknownNameError,
    UsageError,
)
from midrib.exporting import ExportConfig, decide_otherwise, load_packaged
from midrib.packages import open_package
from midrib.settings import Settings
from midrib.state import Runs
from midrib.training import read_rows


def test_train_ends_with_a_live_published_package(world: World) -> None:
    """Train publishes version 1 under the folder's name and makes it live."""
    assert (world.trained.name, world.trained.version) == ("my-photos", 1)
    [record] = pipeline.models(settings=world.settings).records
    assert record["live"]
    card = open_package(world.trained.package).card
    assert card.labels == ["digit-0", "digit-1", "digit-7"]
    assert card.version == 1
    assert card.data_version == world.trained.dataset.version


def test_card_scores_are_those_of_the_file_as_served(world: World) -> None:
    """Evaluating the published package again gives the very scores on its card."""
    card = open_package(world.trained.package).card
    again = pipeline.evaluate(
        "my-photos", world.pictures, engine="onnxruntime", settings=world.settings
    )
    assert again.evaluation.scores == card.scores


def test_run_leaves_events_curves_and_a_report(world: World) -> None:
    """A run's folder holds TensorBoard events, rows of metrics and a self-contained report."""
    run = world.trained.run
    assert list((run.path / "events").glob("events.out.tfevents.*"))
    assert {"train/loss", "validation/accuracy"} <= set().union(*read_rows(run.path))
    html = run.report.read_text()
    assert "data:image" in html
    assert 'src="http' not in html


def test_mlflow_knows_what_the_run_was_made_from(world: World) -> None:
    """MLflow holds options, data version, metrics by step and the report of the run."""
    record = world.trained.run.record()
    run = Runs(world.settings.tracking(), world.settings.runs).describe(record.tracking_run)
    assert run.status == "finished"
    assert run.params["epochs"] == "2"
    assert run.params["resolved.device"] in {"cpu", "cuda", "mps"}
    assert run.params["resolved.recipe.crop_ratio"] == str(record.recipe.crop_ratio)
    assert run.tags["midrib.data_version"] == world.trained.dataset.version
    assert "validation/accuracy" in run.metrics


def test_equal_run_is_reused(world: World) -> None:
    """Training again on the same data with the same options does nothing twice."""
    checkpoints = sorted((world.trained.run.path / "checkpoints").rglob("*"))
    before = [path.stat().st_mtime_ns for path in checkpoints]
    again = pipeline.train(world.pictures, config=SMALL, settings=world.settings)
    assert again.run == world.trained.run
    assert again.version == 1
    assert [path.stat().st_mtime_ns for path in checkpoints] == before


def test_decision_can_change_without_training(world: World, tmp_path: Path) -> None:
    """Another threshold gives another package with the same file, published as another version."""
    pictures = make_class_folders(tmp_path / "two", classes=(0, 1), each=16)
    config = ExportConfig(positive="digit-1", threshold="balanced")
    trained = pipeline.train(pictures, config=SMALL, export_config=config, settings=world.settings)
    packaged = load_packaged(trained.run)
    other = decide_otherwise(
        packaged, ExportConfig(positive="digit-1", threshold="0.9"), tmp_path / "other"
    )
    assert other.package.card.decision.threshold == 0.9
    assert other.package.manifest["fp32.onnx"] == packaged.package.manifest["fp32.onnx"]
    assert pipeline.publish(tmp_path / "other", settings=world.settings).version == 2
    assert pipeline.publish(tmp_path / "other", settings=world.settings).version == 2
    switched = pipeline.release("two", 2, settings=world.settings).release
    assert (switched.version, switched.previous) == (2, 1)
    assert pipeline.rollback("two", settings=world.settings).release.version == 1


def test_predict_names_what_it_cannot_read(world: World, tmp_path: Path) -> None:
    """A corrupt picture among good ones is named; the good ones are answered."""
    [good] = list((world.pictures / "digit-0").glob("*.png"))[:1]
    bad = tmp_path / "bad.png"
    bad.write_bytes(good.read_bytes()[:60])
    found = pipeline.predict("my-photos", [good, bad], settings=world.settings)
    assert list(found.answers) == [good]
    assert list(found.refused) == [bad]
    with pytest.raises(PictureError, match=r"none of 1 pictures"):
        pipeline.predict("my-photos", [bad], settings=world.settings)
    with pytest.raises(PictureError, match=r"away.png: No such file.*check the path"):
        pipeline.predict("my-photos", [tmp_path / "away.png"], settings=world.settings)


def test_engines_agree_on_the_exported_file(world: World) -> None:
    """ONNX Runtime and OpenVINO give the same probabilities for the published file."""
    package = open_package(world.trained.package)
    files = [path.read_bytes() for path in sorted((world.pictures / "digit-7").glob("*.png"))[:6]]
    answers = []
    for engine in ("onnxruntime", "openvino"):
        predictor = load_predictor(package, engine=engine)
        pictures = np.stack([predictor.read(data) for data in files])
        answers.append(predictor.infer(pictures).answer)
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-4)


def test_changed_byte_is_not_published(world: World, tmp_path: Path) -> None:
    """A package with one changed byte is refused by verify and by publish, naming the file."""
    broken = tmp_path / "broken"
    shutil.copytree(world.trained.run.package, broken)
    file = broken / "fp32.onnx"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    for verb in (pipeline.verify, pipeline.publish):
        with pytest.raises(PackageError, match=r"fp32\.onnx"):
            verb(broken, settings=world.settings)


def test_a_home_that_was_moved_still_answers(world: World, tmp_path: Path) -> None:
    """Published packages are found from the home folder, wherever it is now."""
    shutil.copytree(world.settings.home, tmp_path / "moved")
    moved = Settings(home=tmp_path / "moved")
    assert pipeline.open_target("my-photos", moved).folder.is_relative_to(tmp_path)
    records = pipeline.models(settings=moved).records
    assert records
    assert all(str(each["location"]).startswith(str(tmp_path)) for each in records)


def test_unknown_names_are_answered_with_those_there_are(world: World) -> None:
    """A misspelt name, version or label says what there is."""
    with pytest.raises(UnknownNameError, match="my-photos"):
        pipeline.open_target("my-photo", world.settings)
    with pytest.raises(UnknownNameError, match="1"):
        pipeline.open_target("my-photos@7", world.settings)
    with pytest.raises(UnknownNameError, match="digit-1"):
        pipeline.train(
            world.pictures,
            config=SMALL,
            export_config=ExportConfig(positive="digit-2"),
            settings=world.settings,
        )


def test_threshold_needs_two_classes(world: World) -> None:
    """A positive class among three is refused before anything is trained."""
    with pytest.raises(DatasetError, match="3 classes"):
        pipeline.train(
            world.pictures,
            config=SMALL,
            export_config=ExportConfig(positive="digit-1"),
            settings=world.settings,
        )


def test_rollback_needs_a_version_before(world: World) -> None:
    """A model with one version cannot be rolled back, and says so."""
    with pytest.raises(UsageError, match=r"no version live but 1"):
        pipeline.rollback("my-photos", settings=world.settings)


@pytest.mark.soak
def test_export_of_a_run_again_gives_the_same_answers(world: World, tmp_path: Path) -> None:
    """Exporting a run a second time writes a package with equal scores elsewhere."""
    exported = pipeline.export(world.trained.run.path, output=tmp_path / "again")
    assert exported.test.scores == world.trained.test.scores
    assert pipeline.verify(exported.package, settings=world.settings).samples > 0


def test_switch_stands_when_mlflow_is_gone(world: World) -> None:
    """A release is switched though MLflow cannot be told; the result warns of it."""
    gone = world.settings.model_copy(update={"tracking_url": "http://127.0.0.1:9"})
    switched = pipeline.release("my-photos", 1, settings=gone)
    assert switched.release.version == 1
    assert "MLflow was not told" in switched.warning


@pytest.mark.soak
def test_export_leaves_out_what_came_later_and_trains_on_with_its_own_decision(
    world: World, tmp_path: Path
) -> None:
    """Exporting scores the run's own pictures; an equal train then publishes what it asked for."""
    pictures = make_class_folders(tmp_path / "pair", classes=(0, 1), each=16)
    asked = ExportConfig(positive="digit-1", threshold="0.5")
    trained = pipeline.train(pictures, config=SMALL, export_config=asked, settings=world.settings)
    extra = next(iter((world.pictures / "digit-7").glob("*.png")))
    shutil.copyfile(extra, pictures / "digit-1" / "later.png")
    other = ExportConfig(positive="digit-1", threshold="0.9")
    exported = pipeline.export(trained.run.path, config=other)
    assert len(exported.test) == len(trained.test)
    assert open_package(trained.run.package).card.decision.threshold == 0.9

    (pictures / "digit-1" / "later.png").unlink()
    again = pipeline.train(pictures, config=SMALL, export_config=asked, settings=world.settings)
    assert open_package(again.package).card.decision.threshold == 0.5
    next(iter((pictures / "digit-0").glob("*.png"))).unlink()
    with pytest.raises(DatasetError, match="not those that the run was trained with"):
        pipeline.export(trained.run.path)
