"""Starting from earlier runs, and going on with what a run began with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from file_server import serving_files
from photos import make_class_folders
from pipeline.conftest import SMALL, World
from safetensors.torch import load_file, save_file

from midrib.backbones.weights.earlier_run import BEST_FILE
from midrib.errors import StorageError, TrainingError, UsageError
from midrib.pipeline.run_data import divide_for_training
from midrib.pipeline.run_stages import begin_run
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings
from midrib.training import RunFolder, TrainConfig, starting_classifier


class Heard(Reporter):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def begin(
    world: World, weights: str, reporter: Reporter = SILENT, pictures: Path | None = None
) -> RunFolder:
    """A run that starts from ``weights``, not yet trained."""
    dataset = divide_for_training(
        pictures or world.pictures, None, world.settings, strict=False, reporter=SILENT
    ).dataset
    config = TrainConfig(**SMALL.model_dump() | {"weights": weights, "seed": 5})
    return begin_run(
        "second", dataset, config, world.settings, reporter, data_licence="", fresh=False
    )


def test_a_run_goes_on_from_an_earlier_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run's folder, its name and the name that it was published under mean the same start."""
    monkeypatch.chdir(world.pictures.parent)  # where the name is a folder of pictures too
    heard, earlier = Heard(), world.trained.run.path
    run = begin(world, "my-photos", heard)
    assert begin(world, earlier.name) == begin(world, str(earlier)) == run
    record, learnt = run.record(), load_file(earlier / BEST_FILE)
    assert (record.weights_source, record.weights_origin) == (earlier.name, f"run: {earlier.name}")
    begun = starting_classifier(record, world.settings).state_dict()
    assert all(torch.equal(begun[name], tensor) for name, tensor in learnt.items())
    report = json.loads(run.warm_start.read_text())
    assert (sorted(report["taken"]), report["left_out"]) == (sorted(learnt), [])
    assert f"weights    {len(learnt)} tensors of {earlier} taken" in heard.lines


def test_other_labels_need_a_new_head(world: World, tmp_path: Path) -> None:
    """Among other classes the backbone is taken and the head is not, which is said and kept."""
    heard = Heard()
    pictures = make_class_folders(tmp_path / "others", classes=(3, 4, 5))
    run = begin(world, world.trained.run.path.name, heard, pictures)
    report = json.loads(run.warm_start.read_text())
    assert report["left_out"] == [
        {"name": name, "reason": "the labels differ"} for name in ("head.bias", "head.weight")
    ]
    assert heard.lines[-1] == "left out   2, the labels differ: head.bias, head.weight"
    begun = starting_classifier(run.record(), world.settings).state_dict()
    learnt = load_file(world.trained.run.path / BEST_FILE)
    assert all(torch.equal(begun[name], learnt[name]) for name in report["taken"])
    assert not torch.equal(begun["head.weight"], learnt["head.weight"])


def test_a_run_on_another_backbone_is_refused(world: World) -> None:
    """The error names the earlier backbone and the first tensors that do not fit."""
    dataset = divide_for_training(
        world.pictures, None, world.settings, strict=False, reporter=SILENT
    ).dataset
    chosen = {"weights": str(world.trained.run.path), "backbone": "timm:test_resnet"}
    config = TrainConfig(**SMALL.model_dump() | chosen)
    with pytest.raises(
        StorageError, match=r"trained on efficientnet-lite0.*missing.*--backbone efficientnet-lite0"
    ):
        begin_run("other", dataset, config, world.settings, SILENT, data_licence="", fresh=False)


def test_a_run_without_weights_is_refused(world: World) -> None:
    """A run that has finished no epoch gives nothing to start from."""
    begun = begin(world, world.trained.run.path.name)
    with pytest.raises(UsageError, match="has no weights yet"):
        begin(world, str(begun.path))


@pytest.mark.parametrize("part", ["backbone.", "head."])
def test_a_run_that_broke_gives_nothing(world: World, tmp_path: Path, part: str) -> None:
    """NaN in an earlier run's backbone or head is refused by name, with no other advice."""
    broken = tmp_path / "broken"
    shutil.copytree(world.trained.run.path, broken)
    tensors = load_file(broken / BEST_FILE)
    name = min(name for name in tensors if name.startswith(part) and tensors[name].ndim)
    tensors[name].fill_(float("nan"))
    save_file(tensors, broken / BEST_FILE)
    with pytest.raises(StorageError, match=rf"holds NaN or infinity in 1 of \d+ tensors: .*{name}"):
        begin(world, str(broken))


def test_a_run_does_not_go_on_with_other_weights(world: World, tmp_path: Path) -> None:
    """A file that changed after a run had begun with it is not taken for what it was."""
    network = {
        name.removeprefix("backbone.model."): tensor
        for name, tensor in load_file(world.trained.run.path / BEST_FILE).items()
        if name.startswith("backbone.model.")
    }
    file = tmp_path / "mine.safetensors"
    save_file(network, file)
    run = begin(world, str(file))
    starting_classifier(run.record(), world.settings)
    save_file({name: tensor + 1 for name, tensor in network.items()}, file)
    with pytest.raises(TrainingError, match="has changed since the run began"):
        starting_classifier(run.record(), world.settings)
    assert begin(world, str(file)) != run


def test_a_run_goes_on_as_it_began_when_the_network_comes(
    world: World, request: pytest.FixtureRequest
) -> None:
    """What 'auto' found first is what a run goes on with; a hub that is there now is not asked."""
    cache: pytest.Cache = request.config.cache  # type: ignore[assignment]  # always there: built in
    home = Settings(home=cache.mkdir("pretrained"))
    record = world.trained.run.record().model_copy(
        update={
            "train": SMALL.model_copy(update={"weights": "auto"}),
            "weights_source": "packaged:efficientnet-lite0",
            "weights_sha256": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        }
    )
    with serving_files() as hub:
        network = home.model_copy(update={"hugging_face_url": hub.url})
        with_network = starting_classifier(record, network).state_dict()
        assert hub.asked == []
    without = starting_classifier(record, home.model_copy(update={"offline": True})).state_dict()
    assert all(torch.equal(with_network[name], tensor) for name, tensor in without.items())
