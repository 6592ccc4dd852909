from __future__ import annotations

from pathlib import Path

import pytest

from midrib import pipeline
from midrib.errors import StorageError, UnknownNameError, UsageError
from midrib.settings import Settings
from midrib.training import TrainConfig

SMALL = TrainConfig(backbone="squeezenet-1.1", weights="none", size=64)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"backbone": "alexnet", "size": 32}, UsageError, "too small for alexnet.*at least 63"),
        ({"frozen_stages": 99}, UsageError, "99 stages of squeezenet-1.1.*at most the"),
        ({"weights": "nowhere.safetensors"}, StorageError, "no weights 'nowhere.safetensors'"),
        ({"backbone": "timm:test_vit", "size": 100}, UsageError, "cannot take pictures of 100×100"),
        ({"backbone": "timm:resnet50.nobodys"}, UnknownNameError, r"resnet50\.a1_in1k"),
    ],
)
def test_options_are_refused_before_a_picture_is_read(
    tmp_path: Path, options: dict[str, object], error: type[Exception], words: str
) -> None:
    """What can be known without the data is told though there are none, and leaves nothing."""
    config = SMALL.model_copy(update=options)
    with pytest.raises(error, match=words):
        pipeline.train(tmp_path / "nothing", config=config, settings=Settings(home=tmp_path / "h"))
    assert not (tmp_path / "h" / "runs").exists()
