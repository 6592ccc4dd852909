from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from midrib.engines import (
    Engine,
    EngineOptions,
    OnnxRuntimeEngine,
    OpenVinoEngine,
    available_engines,
)
from midrib.errors import ConfigError
from midrib.machine import usable_cores
from midrib.packages import Package
from midrib.testing.engines import TOLERANCE, EngineContract


class OnColours(EngineContract):
    @pytest.fixture
    def package(self, colours: Package) -> Package:
        return colours


class TestOnnxRuntime(OnColours):
    @pytest.fixture
    def engine_type(self) -> type[Engine]:
        return OnnxRuntimeEngine


class TestOpenVino(OnColours):
    @pytest.fixture
    def engine_type(self) -> type[Engine]:
        return OpenVinoEngine


@pytest.mark.parametrize("count", [1, 3, 7])
def test_engines_agree(convolutional_file: Path, count: int) -> None:
    """All engines answer a convolutional network alike, whatever the batch."""
    shape = (count, 48, 48, 3)
    pictures = np.random.default_rng(count).integers(0, 256, shape, dtype=np.uint8)
    engines = [engine(convolutional_file, EngineOptions()) for engine in available_engines()]
    assert len(engines) == 2
    for one, other in pairwise([engine.run(pictures) for engine in engines]):
        np.testing.assert_allclose(one.answer, other.answer, atol=TOLERANCE)
        np.testing.assert_allclose(one.embedding, other.embedding, atol=TOLERANCE)


def test_uses_the_cores_that_there_are() -> None:
    """Unless told otherwise a call may use every core that this process may run on."""
    assert EngineOptions().threads == usable_cores()
    with pytest.raises(ConfigError, match="threads"):
        EngineOptions(threads=0)
