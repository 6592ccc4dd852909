from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from photos import make_class_folders

from midrib.pipeline import Trained, train
from midrib.settings import Settings
from midrib.training import TrainConfig

SMALL = TrainConfig(
    weights="none", size=32, epochs=2, batch_size=16, metric="accuracy", device="cpu"
)
"""Enough to go the whole path; what is learnt does not matter here."""


@dataclass(frozen=True)
class World:
    """A home with one trained and published model."""

    settings: Settings
    pictures: Path
    trained: Trained


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("world")
    settings = Settings(home=root / "home")
    pictures = make_class_folders(root / "my-photos")
    trained = train(pictures, config=SMALL, settings=settings)
    return World(settings, pictures, trained)
