from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tiny_package import LABELS, make_tiny_package, picture_bytes

from midrib.engines import load_predictor, rehearse
from midrib.engines.rehearsal import TOLERANCE
from midrib.errors import EngineError, NotAPictureError, PackageError, PictureTooLargeError
from midrib.packages import Decision, Package, open_package
from midrib.preprocessing import DecodeLimits, Recipe

ENGINES = ("onnxruntime", "openvino")


def change_answers(package: Package, first: object) -> Package:
    path = package.folder / "samples" / "answers.json"
    answers = json.loads(path.read_text())
    answers[next(iter(answers))] = first
    path.write_text(json.dumps(answers))
    return open_package(package.folder)


def change_card(package: Package, **fields: object) -> Package:
    path = package.folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return open_package(package.folder)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
def test_predicts_from_encoded_pictures(colours: Package, engine: str, form: str) -> None:
    """Pictures of each format are answered with their colour, in order."""
    predictor = load_predictor(colours, engine=engine)
    found = predictor.predict([picture_bytes(colour, form=form) for colour in LABELS])
    assert [prediction.label for prediction in found] == list(LABELS)
    for prediction in found:
        assert prediction.score == max(prediction.scores.values())
        assert prediction.embedding.shape == (colours.card.embedding_size,)


def test_nothing_asked_is_nothing_answered(colours: Package) -> None:
    """No pictures give no predictions."""
    assert load_predictor(colours, engine="onnxruntime").predict([]) == []


def test_decision_of_the_card_is_followed(tmp_path: Path) -> None:
    """With a threshold on one class the less probable label can win."""
    decision = Decision(positive="green", threshold=0.01)
    package = make_tiny_package(tmp_path / "p", labels=("blue", "green"), decision=decision)
    (found,) = load_predictor(package, engine="onnxruntime").predict([picture_bytes("blue")])
    assert found.label == "green"
    assert found.scores["blue"] > found.scores["green"]


def test_file_that_takes_one_picture_answers_many(colours: Package, own_package: Package) -> None:
    """Where a file takes only one picture a call, a batch is answered one by one."""
    card = own_package.card.model_dump(mode="json")
    single = change_card(own_package, input={**card["input"], "dynamic_batch": False})
    pictures = [picture_bytes(colour) for colour in LABELS]
    one_by_one = load_predictor(single, engine="onnxruntime").predict(pictures)
    together = load_predictor(colours, engine="onnxruntime").predict(pictures)
    for one, other in zip(one_by_one, together, strict=True):
        assert one.label == other.label
        np.testing.assert_allclose(one.score, other.score, atol=1e-4)
        np.testing.assert_allclose(one.embedding, other.embedding, atol=1e-4)


def test_threads_may_share_a_predictor(colours: Package) -> None:
    """Predictions made in several threads at once are those made one by one."""
    predictor = load_predictor(colours, engine="onnxruntime")
    pictures = [picture_bytes(colour, seed=seed) for seed in range(8) for colour in LABELS]
    with ThreadPoolExecutor(6) as pool:
        found = [
            answer.scores for (answer,) in pool.map(lambda p: predictor.predict([p]), pictures)
        ]
    for scores, picture in zip(found, pictures, strict=True):
        assert scores == pytest.approx(predictor.predict([picture])[0].scores, abs=1e-6)


def test_bad_picture_is_named(colours: Package) -> None:
    """What is no picture, or too large a one, is refused before the engine sees it."""
    predictor = load_predictor(
        colours, engine="onnxruntime", limits=DecodeLimits(max_pixels=64 * 64)
    )
    with pytest.raises(NotAPictureError):
        predictor.predict([b"no picture"])
    with pytest.raises(PictureTooLargeError):
        predictor.predict([picture_bytes("red", size=65)])


def test_foreign_preprocessing_is_refused(own_package: Package) -> None:
    """A package whose preprocessing this midrib does not implement is not loaded."""
    foreign = change_card(own_package, preprocessing_hash="0" * 64)
    with pytest.raises(PackageError, match="not one that this midrib implements"):
        load_predictor(foreign, engine="onnxruntime")


def test_file_that_is_no_model_is_refused(own_package: Package) -> None:
    """A file that is no model is refused when it is loaded, by the engine's own words."""
    (own_package.folder / "fp32.onnx").write_bytes(b"no model")
    with pytest.raises(EngineError, match="ONNX Runtime cannot load fp32"):
        load_predictor(own_package, engine="onnxruntime")


@pytest.mark.parametrize("engine", ENGINES)
def test_rehearsal_passes_where_answers_agree(colours: Package, engine: str) -> None:
    """A package that is answered as in the lab passes, and the difference is told."""
    assert rehearse(load_predictor(colours, engine=engine), colours) < TOLERANCE / 10


@pytest.mark.parametrize("answer", [[0.5, 0.3, 0.2], [1.0, 0.0], [0.2], [], [None, None, None]])
def test_rehearsal_catches_a_changed_answer(own_package: Package, answer: list[object]) -> None:
    """A sample that is answered otherwise than in the lab is named, and the package refused."""
    changed = change_answers(own_package, answer)
    with pytest.raises(PackageError, match=r"0\.png"):
        rehearse(load_predictor(changed, engine="onnxruntime"), changed)


def test_rehearsal_catches_other_preprocessing(own_package: Package) -> None:
    """Samples read in another way than in the lab do not pass."""
    recipe = Recipe(height=32, width=32, crop_ratio=0.3)
    changed = change_card(
        own_package,
        preprocessing=recipe.model_dump(mode="json"),
        preprocessing_hash=recipe.hash(),
    )
    changed = change_answers(changed, changed.samples[1].answer)
    with pytest.raises(PackageError, match="away from the lab's answer"):
        rehearse(load_predictor(changed, engine="onnxruntime"), changed)


def test_rehearsal_needs_a_sample(own_package: Package) -> None:
    """A package without samples cannot be rehearsed and is refused."""
    (own_package.folder / "samples" / "answers.json").write_text("{}")
    with pytest.raises(PackageError, match="has no samples"):
        rehearse(
            load_predictor(own_package, engine="onnxruntime"), open_package(own_package.folder)
        )


def test_rehearsal_names_a_missing_sample(own_package: Package) -> None:
    """A sample that is listed but not there is named."""
    (own_package.folder / "samples" / "1.png").unlink()
    with pytest.raises(PackageError, match=r"1\.png"):
        rehearse(load_predictor(own_package, engine="onnxruntime"), own_package)
