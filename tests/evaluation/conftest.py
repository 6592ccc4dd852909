from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from tiny_package import LABELS, make_tiny_package, picture_bytes

from midrib.engines import Predictor, load_predictor
from midrib.evaluation import Evaluation, evaluate_package
from midrib.packages import Package


@dataclass(frozen=True)
class Item:
    path: Path
    label: str


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return make_tiny_package(tmp_path_factory.mktemp("package") / "colours", version=1)


@pytest.fixture(scope="session")
def predictor(package: Package) -> Predictor:
    return load_predictor(package, engine="onnxruntime")


@pytest.fixture(scope="session")
def items(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    """40 real PNG files; every eighth carries a wrong label, so that some answers are wrong."""
    folder = tmp_path_factory.mktemp("pictures")
    found = []
    for seed in range(40):
        colour = LABELS[seed % 3]
        path = folder / f"{seed:02}-{colour}.png"
        path.write_bytes(picture_bytes(colour, seed=seed))
        label = LABELS[(seed + 1) % 3] if seed % 8 == 0 else colour
        found.append(Item(path, label))
    return found


@pytest.fixture(scope="session")
def evaluation(package: Package, items: list[Item], predictor: Predictor) -> Evaluation:
    return evaluate_package(package, items, predictor, split="test", batch_size=7)
