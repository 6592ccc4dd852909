"""What an inference engine promises, checked with a real package and real threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from midrib.engines import CPU, ENGINES, Engine, EngineOptions, Precision
from midrib.errors import EngineError
from midrib.packages import Package
from midrib.preprocessing import read_picture
from midrib.records import PixelBatch

TOLERANCE = 1e-4
"""Largest allowed difference of any output from the lab's, between batch sizes and threads."""

_LESSER_TOLERANCE = 0.05
"""Largest allowed difference of a probability between fp32 and a lesser precision."""

_BATCH_SIZES = (1, 2, 3, 5, 8)
_THREADS = 6


class EngineContract:
    """Inherit, and override the fixtures ``engine_type`` and ``package``."""

    @pytest.fixture
    def engine_type(self) -> type[Engine]:
        """The engine to check."""
        raise NotImplementedError("override this fixture")

    @pytest.fixture
    def package(self) -> Package:
        """A package with samples, whose file takes any number of pictures."""
        raise NotImplementedError("override this fixture")

    @pytest.fixture
    def file(self, package: Package) -> Path:
        return package.file(package.card.variant())

    @pytest.fixture
    def engine(self, engine_type: type[Engine], file: Path) -> Engine:
        return engine_type(file, EngineOptions(threads=2))

    @pytest.fixture
    def pictures(self, package: Package) -> PixelBatch:
        """Eight different pictures of the model's size."""
        shape = (8, package.card.input.height, package.card.input.width, 3)
        return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    def test_is_found_by_its_name(self, engine_type: type[Engine]) -> None:
        """The engine is registered under the name that it goes by, and says its version."""
        assert ENGINES.get(engine_type.name) is engine_type
        assert engine_type.is_installed()
        assert engine_type.version()[0].isdigit()

    def test_answers_as_the_lab_did(self, engine: Engine, package: Package) -> None:
        """Each sample of the package gets the answer that the lab got for it."""
        for sample in package.samples:
            picture = read_picture(sample.data, package.card.preprocessing)
            answer = engine.run(picture[np.newaxis]).answer[0]
            assert isinstance(sample.answer, list)
            np.testing.assert_allclose(answer, sample.answer, atol=TOLERANCE)

    def test_computes_in_every_precision_that_it_names(
        self, engine_type: type[Engine], engine: Engine, file: Path, pictures: PixelBatch
    ) -> None:
        """Each device has fp32, and other precisions that it names answer nearly alike on it."""
        assert CPU in engine_type.devices()
        exact = engine.run(pictures).answer
        precisions = engine_type.precisions(CPU)
        assert "fp32" in precisions
        for precision in precisions:
            lesser = engine_type(file, EngineOptions(threads=2, precision=precision))
            np.testing.assert_allclose(lesser.run(pictures).answer, exact, atol=_LESSER_TOLERANCE)

    def test_refuses_a_device_and_a_precision_that_are_not_here(
        self, engine_type: type[Engine], file: Path
    ) -> None:
        """Unknown devices and precisions that the device lacks are named with those it has."""
        with pytest.raises(EngineError, match=r"no device 'abacus' here.*cpu"):
            engine_type(file, EngineOptions(device="abacus"))
        for precision in get_args(Precision):
            if precision not in engine_type.precisions(CPU):
                with pytest.raises(EngineError, match=rf"not compute in {precision}.*fp32"):
                    engine_type(file, EngineOptions(precision=precision))

    @pytest.mark.parametrize("count", _BATCH_SIZES)
    def test_outputs_have_the_promised_form(
        self, engine: Engine, package: Package, pictures: PixelBatch, count: int
    ) -> None:
        """Answers are float32 probabilities by label, embeddings float32 of the card's size."""
        outputs = engine.run(pictures[:count])
        assert outputs.answer.shape == (count, len(package.card.labels))
        assert outputs.embedding.shape == (count, package.card.embedding_size)
        assert outputs.answer.dtype == outputs.embedding.dtype == np.float32
        np.testing.assert_allclose(outputs.answer.sum(axis=1), 1, atol=TOLERANCE)

    @pytest.mark.parametrize("count", _BATCH_SIZES)
    def test_answers_do_not_depend_on_the_batch(
        self, engine: Engine, pictures: PixelBatch, count: int
    ) -> None:
        """A picture gets the same outputs alone and among others."""
        together = engine.run(pictures[:count])
        for index in range(count):
            alone = engine.run(pictures[index : index + 1])
            np.testing.assert_allclose(together.answer[index], alone.answer[0], atol=TOLERANCE)
            np.testing.assert_allclose(
                together.embedding[index], alone.embedding[0], atol=TOLERANCE
            )

    def test_answers_do_not_depend_on_threads(
        self, engine_type: type[Engine], file: Path, engine: Engine, pictures: PixelBatch
    ) -> None:
        """One thread a call or two, the outputs are the same."""
        single = engine_type(file, EngineOptions(threads=1)).run(pictures)
        np.testing.assert_allclose(single.answer, engine.run(pictures).answer, atol=TOLERANCE)

    def test_is_safe_to_share_between_threads(self, engine: Engine, pictures: PixelBatch) -> None:
        """Calls of different batches from several threads at once do not disturb each other."""
        batches = [pictures[: 1 + index % len(pictures)] for index in range(60)]
        expected = engine.run(pictures)
        with ThreadPoolExecutor(_THREADS) as pool:
            found = list(pool.map(engine.run, batches))
        for batch, outputs in zip(batches, found, strict=True):
            count = len(batch)
            np.testing.assert_allclose(outputs.answer, expected.answer[:count], atol=TOLERANCE)
            np.testing.assert_allclose(
                outputs.embedding, expected.embedding[:count], atol=TOLERANCE
            )

    def test_outputs_belong_to_the_caller(self, engine: Engine, pictures: PixelBatch) -> None:
        """What one call returned is not overwritten by the next."""
        first = engine.run(pictures)
        answer, embedding = first.answer.copy(), first.embedding.copy()
        engine.run(255 - pictures)
        np.testing.assert_array_equal(first.answer, answer)
        np.testing.assert_array_equal(first.embedding, embedding)

    @pytest.mark.parametrize("damage", ["empty", "text", "cut", "missing"])
    def test_broken_file_is_an_engine_error(
        self, engine_type: type[Engine], file: Path, tmp_path: Path, damage: str
    ) -> None:
        """A file that is not the model is refused with its name when it is loaded."""
        whole = file.read_bytes()
        contents = {"empty": b"", "text": b"no model", "cut": whole[: len(whole) // 2]}
        broken = tmp_path / file.name
        if damage in contents:
            broken.write_bytes(contents[damage])
        with pytest.raises(EngineError, match=file.name):
            engine_type(broken, EngineOptions(threads=1))

    def test_pictures_of_another_size_are_an_engine_error(
        self, engine: Engine, pictures: PixelBatch
    ) -> None:
        """Pictures that the model was not made for are refused, and the engine stays usable."""
        with pytest.raises(EngineError):
            engine.run(np.ascontiguousarray(pictures[:, 1:]))
        assert engine.run(pictures).answer.shape[0] == len(pictures)
