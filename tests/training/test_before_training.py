from __future__ import annotations

from pathlib import Path

import pytest
import torch

from midrib import pipeline
from midrib.errors import StorageError, UnknownNameError, UsageError
from midrib.settings import Settings
from midrib.training import TrainConfig

ABSENT = "cuda" if torch.backends.mps.is_available() else "mps"
SMALL = TrainConfig(backbone="squeezenet-1.1", weights="none", size=64)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"backbone": "alexnet", "size": 32}, UsageError, "too small for alexnet.*at least 63"),
        ({"frozen_stages": 99}, UsageError, "99 stages of squeezenet-1.1.*at most the"),
        ({"weights": "nowhere.safetensors"}, StorageError, "no weights 'nowhere.safetensors'"),
        ({"weights": "packaged:mobilenetv2"}, UsageError, "did you mean 'mobilenet-v2'"),
        ({"weights": "packaged:mobilenet-v2"}, UsageError, "not those of 'squeezenet-1.1'"),
        ({"weights": "hub:nobodys"}, UsageError, r"squeezenet1_1\.IMAGENET1K_V1"),
        ({"backbone": "darknet19", "weights": "auto"}, UsageError, "nobody publishes weights"),
        ({"backbone": "timm:test_vit", "size": 100}, UsageError, "cannot take pictures of 100×100"),
        ({"backbone": "timm:resnet50.nobodys"}, UnknownNameError, r"resnet50\.a1_in1k"),
        ({"augmentation": "flipp"}, UnknownNameError, "did you mean 'flip'"),
        ({"loss": "cross"}, UnknownNameError, "did you mean 'cross-entropy'"),
        ({"metric": "f1"}, UnknownNameError, "unknown metric 'f1'"),
        ({"optimizer": "adam"}, UnknownNameError, "did you mean 'adamw'"),
        ({"schedule": "cosin"}, UnknownNameError, "did you mean 'cosine'"),
        ({"device": ABSENT}, UsageError, f"the device '{ABSENT}' is not there"),
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


def test_an_empty_name_is_no_name(tmp_path: Path) -> None:
    """A name that was given is taken or refused, never replaced by the folder's."""
    with pytest.raises(UsageError, match="'' cannot be the name of a model"):
        pipeline.train(tmp_path, name="", config=SMALL, settings=Settings(home=tmp_path / "h"))
