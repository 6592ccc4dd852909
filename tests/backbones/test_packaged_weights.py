"""Packaged weights: fetched by version, checked by hash, converted once, loaded strictly."""

from __future__ import annotations

import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torchvision
from _pytest.mark import ParameterSet
from safetensors.torch import load_file
from sklearn.datasets import load_sample_image
from torch import Tensor
from torch.nn import functional

from midrib.backbones import create_backbone
from midrib.backbones.weights.conversion import CONVERSIONS
from midrib.backbones.weights.conversion_process import convert_apart
from midrib.backbones.weights.packaged import PACKAGED_WEIGHTS, packaged_safetensors
from midrib.backbones.weights.squeezenet_pickle import Kernels, read_kernels
from midrib.downloads import extract_member, fetch_archive
from midrib.errors import StorageError
from midrib.settings import Settings
from midrib.storage import file_sha256

LITES = [f"efficientnet-lite{scale}" for scale in range(3)]
MODELS = {"timm": "resnet18.a1_in1k", "lukemelas-efficientnet": "tf_efficientnet_lite0"}
CAFFE_MEAN_BGR = (104.006, 116.669, 122.679)


def crops(size: int) -> Tensor:
    """Two crops of one photo and one of another: uint8, 3 × 3 × size × size."""
    china, flower = load_sample_image("china.jpg"), load_sample_image("flower.jpg")
    cut = [china[:size, :size], china[20 : size + 20, 20 : size + 20], flower[:size, :size]]
    return torch.from_numpy(np.stack(cut)).permute(0, 3, 1, 2)


def soak(name: str) -> ParameterSet:
    """A case that takes longer than it tells beside the first one."""
    return pytest.param(name, marks=pytest.mark.soak)


def normalised(pictures: Tensor) -> Tensor:
    mean, std = Tensor([0.485, 0.456, 0.406]), Tensor([0.229, 0.224, 0.225])
    return (pictures / 255 - mean[:, None, None]) / std[:, None, None]


@pytest.mark.parametrize("name", [LITES[0], *(soak(name) for name in LITES[1:])])
def test_lite_loads_strictly(kept: Settings, name: str) -> None:
    """Every tensor of timm's model is in the file in its shape, and no other."""
    model = timm.create_model(PACKAGED_WEIGHTS[name].model)
    model.load_state_dict(load_file(packaged_safetensors(name, kept)), strict=True)


def test_mobilenet_lacks_its_classifier_alone(kept: Settings) -> None:
    """All of torchvision's MobileNetV2 is in the file, but for the last layer."""
    model = torchvision.models.mobilenet_v2()
    tensors = load_file(packaged_safetensors("mobilenet-v2", kept))
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    assert (missing, unexpected) == (["classifier.1.weight", "classifier.1.bias"], [])


@pytest.mark.parametrize(
    "name", [soak(name) if name in LITES[1:] else name for name in sorted(PACKAGED_WEIGHTS)]
)
def test_packaged_weights_see(kept: Settings, name: str) -> None:
    """Features of one photo, cropped twice, are nearer than those of another photo."""
    backbone = create_backbone(name, weights="packaged", settings=kept).eval()
    told = backbone.facts.normalisation
    mean, std = Tensor(told.mean)[:, None, None], Tensor(told.std)[:, None, None]
    with torch.inference_mode():
        features = functional.normalize(backbone((crops(224) / 255 - mean) / std), dim=1)
    assert features[0] @ features[1] > features[0] @ features[2] + 0.2
    assert backbone.facts.weights.licence == PACKAGED_WEIGHTS[name].archive.licence
    assert backbone.facts.weights.sha256 == PACKAGED_WEIGHTS[name].sha256


def original_squeezenet(kernels: Kernels, pictures: Tensor) -> Tensor:
    """The network as its package describes it, on blue, green, red from 0 to 255: its logits.

    TensorFlow's SAME padding everywhere; sizes are rounded down by pooling. Padding is as here for
    odd sizes only.
    """
    weights = {
        name: (torch.from_numpy(kernel).permute(3, 2, 0, 1), torch.from_numpy(bias))
        for name, (kernel, bias) in kernels.items()
    }
    seen = pictures.flip(1) - Tensor(CAFFE_MEAN_BGR)[:, None, None]
    seen = functional.conv2d(seen, *weights["conv1"], stride=2, padding=1).relu()
    for number in range(2, 10):
        if number in {2, 4, 6}:
            seen = functional.max_pool2d(seen, 3, 2)
        seen = functional.conv2d(seen, *weights[f"fire{number}/squeeze1x1"]).relu()
        small = functional.conv2d(seen, *weights[f"fire{number}/expand1x1"])
        large = functional.conv2d(seen, *weights[f"fire{number}/expand3x3"], padding=1)
        seen = torch.cat([small, large], dim=1).relu()
    return functional.conv2d(seen, *weights["conv10"]).mean((2, 3))


@pytest.fixture(scope="module")
def kernels(kept: Settings, tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    packaged = PACKAGED_WEIGHTS["squeezenet-1.1"]
    archive = fetch_archive(packaged.archive, kept.downloads)
    foreign = tmp_path_factory.mktemp("foreign") / "squeezenet_weights.pkl"
    extract_member(archive, packaged.member, foreign, sha256=packaged.sha256)
    with foreign.open("rb") as stream:
        return read_kernels(stream)


def test_the_foreign_file_is_not_kept(kept: Settings, tmp_path: Path) -> None:
    """After the conversion nothing lies beside the archive that it came in."""
    archive = fetch_archive(PACKAGED_WEIGHTS["squeezenet-1.1"].archive, kept.downloads)
    settings = Settings(home=tmp_path, offline=True)
    settings.downloads.mkdir(parents=True)
    shutil.copy(archive, settings.downloads)
    assert packaged_safetensors("squeezenet-1.1", settings).is_file()
    assert [file.name for file in settings.downloads.iterdir()] == [archive.name]


def test_squeezenet_is_the_original_but_for_its_borders(kept: Settings, kernels: Kernels) -> None:
    """With the original's padding and rounding the converted network gives its logits to 1e-4."""
    model = torchvision.models.squeezenet1_1().eval()
    model.load_state_dict(load_file(packaged_safetensors("squeezenet-1.1", kept)))
    pictures = crops(227).float()
    # Black in the original is its mean, so that is what the border is painted with.
    border = normalised(Tensor(CAFFE_MEAN_BGR).flip(0)[None, :, None, None])
    framed = border.expand(3, 3, 229, 229).clone()
    framed[:, :, 1:-1, 1:-1] = normalised(pictures)
    for module in model.modules():
        if isinstance(module, torch.nn.MaxPool2d):
            module.ceil_mode = False
    with torch.inference_mode():
        wanted = original_squeezenet(kernels, pictures)
        given = model.classifier[1](model.features(framed)).mean((2, 3))
    assert (given - wanted).abs().max() < 1e-4 * wanted.abs().max()


def test_squeezenet_as_it_is_used_is_near_the_original(kept: Settings, kernels: Kernels) -> None:
    """Without that padding and rounding the logits point the same way."""
    model = torchvision.models.squeezenet1_1().eval()
    model.load_state_dict(load_file(packaged_safetensors("squeezenet-1.1", kept)))
    pictures = crops(227).float()
    with torch.inference_mode():
        wanted = original_squeezenet(kernels, pictures)
        given = model.classifier[1](model.features(normalised(pictures))).mean((2, 3))
    assert functional.cosine_similarity(given, wanted).min() > 0.97


def test_conversion_happens_once(kept: Settings) -> None:
    """The converted file is kept and not made again."""
    first = packaged_safetensors(LITES[0], kept)
    made = first.stat().st_mtime_ns
    assert packaged_safetensors(LITES[0], kept).stat().st_mtime_ns == made


class Trap:
    """Leaves a mark when it is unpickled with code allowed."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


def set_trap(file: Path, mark: Path, *, plain_pickle: bool) -> None:
    content = {"conv1.weight": Trap(mark)}
    if plain_pickle:
        file.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, file)


@pytest.mark.parametrize("rule", ["ndf-squeezenet", "torchvision"])
def test_a_pickle_with_code_is_refused_without_running_it(tmp_path: Path, rule: str) -> None:
    """A file that would run code on loading is refused, even under the hash that it has."""
    file, mark, target = tmp_path / "trap.pth", tmp_path / "mark", tmp_path / "out.safetensors"
    set_trap(file, mark, plain_pickle=rule == "ndf-squeezenet")
    with pytest.raises(StorageError, match="could not be converted"):
        convert_apart(rule, "squeezenet1_1", file, file_sha256(file), target)
    assert not mark.exists()
    assert not target.exists()


@pytest.mark.parametrize("rule", [*CONVERSIONS])
def test_no_rule_runs_code(tmp_path: Path, rule: str) -> None:
    """Every rule opens its file as plain tensors or arrays, not only inside its process."""
    for plain_pickle in (True, False):
        file, mark = tmp_path / "trap.pth", tmp_path / "mark"
        set_trap(file, mark, plain_pickle=plain_pickle)
        # timm turns torch's refusal into an error of its own.
        with pytest.raises(
            (pickle.UnpicklingError, RuntimeError), match=r"allow|unsupported|persistent"
        ):
            CONVERSIONS.get(rule)(file, MODELS.get(rule, "squeezenet1_1"))
        assert not mark.exists()


def test_a_changed_file_is_not_opened(tmp_path: Path) -> None:
    """A foreign file with another hash than the pinned one is refused before it is read."""
    (tmp_path / "weights.pth").write_bytes(b"anything")
    with pytest.raises(StorageError, match=r"its hash is \w+… instead of 0000"):
        convert_apart("torchvision", "resnet18", tmp_path / "weights.pth", "0" * 64, tmp_path / "o")


def test_what_is_not_finite_is_not_converted(tmp_path: Path) -> None:
    """A published file with NaN in it is refused, by name of the tensor, and nothing is kept."""
    file, target = tmp_path / "broken.pth", tmp_path / "out.safetensors"
    torch.save({"fc.weight": torch.tensor([1.0, float("nan")]), "fc.bias": torch.ones(1)}, file)
    with pytest.raises(StorageError, match=r"NaN or infinity in 1 of 2 tensors: fc\.weight"):
        convert_apart("torchvision", "resnet18", file, file_sha256(file), target)
    assert not target.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded where the system can")
def test_a_file_that_claims_to_be_huge_is_refused(tmp_path: Path) -> None:
    """A tensor of four bytes that says it is 16 GB ends the conversion, not the machine."""
    file = tmp_path / "huge.pth"
    torch.save({"weight": torch.zeros(1).expand(4_000_000_000)}, file)
    assert file.stat().st_size < 10_000
    with pytest.raises(StorageError, match=r"could not be converted.*alloc"):
        convert_apart("torchvision", "resnet18", file, file_sha256(file), tmp_path / "out")
