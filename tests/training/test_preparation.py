from __future__ import annotations

from pathlib import Path

import torch

from midrib.backbones.weights.origin import RANDOM_START
from midrib.settings import Settings
from midrib.training import TrainConfig, new_classifier


def test_equal_options_begin_with_equal_weights(tmp_path: Path) -> None:
    """The same seed gives the same first weights, whatever was drawn before; another one others."""
    settings = Settings(home=tmp_path)
    config = TrainConfig(weights="none", size=32)
    first = new_classifier(config, "abc", RANDOM_START, settings)[0].state_dict()
    torch.rand(5)
    second = new_classifier(config, "abc", RANDOM_START, settings)[0].state_dict()
    reseeded = TrainConfig(weights="none", size=32, seed=1)
    other = new_classifier(reseeded, "abc", RANDOM_START, settings)[0].state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])
