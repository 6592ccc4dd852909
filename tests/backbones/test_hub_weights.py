"""Weights from hubs, against real local servers that stand for them."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from file_server import FileServer, Served, serving_files
from safetensors.torch import load_file, save
from torch import Tensor

from midrib.backbones import create_backbone
from midrib.backbones.weights.hub import HubWeights, choose_weights, hub_weights
from midrib.backbones.weights.hub_files import HubFolder
from midrib.backbones.weights.origin import Start
from midrib.backbones.weights.packaged import packaged_safetensors
from midrib.backbones.weights.start import start_from
from midrib.errors import StorageError, UnknownNameError, UsageError
from midrib.reporting import Reporter
from midrib.settings import Settings

NAME = "timm:test_resnet"
TITLE = "timm/test_resnet.r160_in1k"
COMMIT = "c0ffee" + "0" * 34
FILE = f"/{TITLE}/resolve/{{}}/model.safetensors"
NOBODY = "http://127.0.0.1:9"
"""The port of the service 'discard', where nobody listens."""


@pytest.fixture(scope="module")
def network() -> dict[str, Tensor]:
    """The tensors of timm's smallest ResNet, random."""
    tensors: dict[str, Tensor] = timm.create_model("test_resnet").state_dict()
    return tensors


@pytest.fixture
def hub() -> Iterator[FileServer]:
    with serving_files() as running:
        yield running


def publish(hub: FileServer, content: bytes, *revisions: str, told: str = "") -> Served:
    """Put a file where Hugging Face's hub would have it, with the headers that it would send."""
    sha256 = told or hashlib.sha256(content).hexdigest()
    served = Served(content, {"X-Repo-Commit": COMMIT, "ETag": f'"{sha256}"'})
    for revision in revisions:
        hub.files[FILE.format(revision)] = served
    return served


def home(folder: Path, hub: FileServer | None, *, offline: bool = False) -> Settings:
    url = hub.url if hub else NOBODY
    return Settings(home=folder, hugging_face_url=url, pytorch_url=url, offline=offline)


def only_folder(start: Start) -> list[str]:
    """Names of the weights' folder, without the records."""
    assert start.file is not None
    return [file.name for file in start.file.parent.iterdir() if file.suffix != ".json"]


def test_weights_are_fetched_pinned_and_kept(
    hub: FileServer, network: dict[str, Tensor], tmp_path: Path
) -> None:
    """A broken download goes on; afterwards the hub is asked no more, under either name."""
    content = save(network)
    publish(hub, content, "main").cuts = [100_000]
    start = start_from(NAME, "hub", home(tmp_path, hub))
    assert [asked for method, _, asked in hub.asked if method == "GET"] == ["", "bytes=100000-"]
    assert start.weights.source == f"hub:{TITLE}@{COMMIT}"
    assert start.weights.sha256 == hashlib.sha256(content).hexdigest()
    assert start.weights.licence == "apache-2.0"
    assert start.file is not None
    assert all(torch.equal(tensor, network[name]) for name, tensor in load_file(start.file).items())
    silent = home(tmp_path, None, offline=True)
    assert start_from(NAME, "hub", silent) == start
    assert start_from(NAME, start.weights.source, silent) == start
    assert start_from(NAME, "auto", silent) == start
    backbone = create_backbone(NAME, weights="hub:r160_in1k", settings=silent)
    assert backbone.facts.weights == start.weights
    assert not list((tmp_path / "downloads").glob("*.safetensors"))
    _loses_its_copy_and_finds_the_hub_changed(start, hub, tmp_path)


def _loses_its_copy_and_finds_the_hub_changed(start: Start, hub: FileServer, folder: Path) -> None:
    """The pinned revision is asked for again, and what it holds must not have changed."""
    assert start.file is not None
    start.file.unlink()
    publish(hub, b"something else", "main", COMMIT)
    hub.asked.clear()
    with pytest.raises(StorageError, match=r"no longer what it was.*first seen"):
        start_from(NAME, "hub", home(folder, hub))
    assert {path for _, path, _ in hub.asked} == {FILE.format(COMMIT)}
    assert only_folder(start) == []


def test_a_file_that_is_not_what_the_hub_tells_is_refused(hub: FileServer, tmp_path: Path) -> None:
    """The hash of what came is compared with the hub's word."""
    publish(hub, b"not the weights", "main", told="0" * 64)
    with pytest.raises(StorageError, match=r"has the hash .*expected 0000"):
        start_from(NAME, "hub", home(tmp_path, hub))
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_hub_without_that_file_says_so(hub: FileServer, tmp_path: Path) -> None:
    """What the hub answers is told in one line."""
    with pytest.raises(StorageError, match=rf"does not give {TITLE}.*404"):
        start_from(NAME, "hub", home(tmp_path, hub))


def test_a_hub_that_tells_no_hash_is_not_trusted(hub: FileServer, tmp_path: Path) -> None:
    """A file whose hash nobody tells cannot be checked and is not fetched."""
    publish(hub, b"weights", "main", told="an-etag")
    with pytest.raises(StorageError, match="tells no hash"):
        start_from(NAME, "hub", home(tmp_path, hub))


class Heard(Reporter):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def test_auto_prefers_the_hub_then_the_package(kept: Settings, hub: FileServer) -> None:
    """Without a network packaged weights are taken; with a hub that fails too, and that is said."""
    packaged_safetensors("efficientnet-lite0", kept)  # so that it can be had offline
    heard = Heard()
    for settings in (
        kept.model_copy(update={"offline": True}),
        kept.model_copy(update={"hugging_face_url": NOBODY}),
        kept.model_copy(update={"hugging_face_url": hub.url}),
    ):
        taken = start_from("efficientnet-lite0", "auto", settings, heard)
        assert taken.weights.source == "packaged:efficientnet-lite0"
    assert [line.split(":")[0] for line in heard.lines] == ["packaged weights are taken instead"]


def test_auto_never_starts_at_random_unasked(tmp_path: Path) -> None:
    """Where no weights can be had the error names backbones that have some, and 'none'."""
    lost = home(tmp_path, None)
    with pytest.raises(StorageError, match=r"does not answer.*efficientnet-lite0.*--weights none"):
        start_from("resnet50", "auto", lost)
    with pytest.raises(UsageError, match=r"nobody publishes.*squeezenet-1.1.*--weights none"):
        start_from("darknet19", "auto", lost)


def test_offline_names_what_it_would_have_fetched(tmp_path: Path) -> None:
    """Offline nothing is asked; name and, where it is told, size are in the error."""
    offline = home(tmp_path, None, offline=True)
    with pytest.raises(StorageError, match=r"resnet50\.IMAGENET1K_V1 \(98 MB\) is not here"):
        start_from("resnet50", "hub", offline)
    with pytest.raises(StorageError, match=rf"{TITLE} is not here"):
        start_from(NAME, "auto", offline)


@pytest.mark.parametrize(
    ("name", "typed", "title"),
    [
        ("resnet50", "", "resnet50.IMAGENET1K_V1"),
        ("resnet50", "IMAGENET1K_V1", "resnet50.IMAGENET1K_V1"),
        ("resnet50", "ResNet50_Weights.IMAGENET1K_V2", "resnet50.IMAGENET1K_V2"),
        ("timm:resnet50", "timm/resnet50.a2_in1k", "timm/resnet50.a2_in1k"),
        ("timm:resnet50", "a2_in1k", "timm/resnet50.a2_in1k"),
        ("timm:resnet50.a3_in1k", "", "timm/resnet50.a3_in1k"),
        ("efficientnet-lite0", "", "timm/tf_efficientnet_lite0.in1k"),
        ("torchvision:vit_b_16", "", "vit_b_16.IMAGENET1K_V1"),
    ],
)
def test_weights_have_several_names(name: str, typed: str, title: str) -> None:
    """Tags and whole names of timm and torchvision are known; nothing means their own choice."""
    chosen, revision = choose_weights(name, typed)
    assert (chosen.title, revision) == (title, "")


def test_a_revision_may_be_named() -> None:
    """What stands after '@' is the revision; files at a URL have none."""
    assert choose_weights("timm:resnet50", f"a2_in1k@{COMMIT}")[1] == COMMIT
    with pytest.raises(UsageError, match="has no revisions"):
        choose_weights("resnet50", "IMAGENET1K_V2@main")


def test_unknown_weights_get_those_that_there_are() -> None:
    """A tag that does not exist is refused with those that do."""
    with pytest.raises(UnknownNameError, match=r"resnet50\.IMAGENET1K_V2, .*IMAGENET1K_V1"):
        choose_weights("resnet50", "IMAGENET1K_V9")
    with pytest.raises(UsageError, match="no hub has weights for 'darknet19'"):
        choose_weights("darknet19", "")


def test_weights_that_see_otherwise_need_their_own_backbone() -> None:
    """Weights for pictures in another normalisation are taken under their own name alone."""
    with pytest.raises(UsageError, match=r"timm:vit_base_patch16_224\.dino"):
        choose_weights("timm:vit_base_patch16_224", "dino")
    assert choose_weights("timm:vit_base_patch16_224.dino", "dino")[0].tag == "dino"


def test_what_is_published_is_known_by_the_backbone() -> None:
    """Names of the list lead to the library that they come from."""
    assert hub_weights("darknet53")[0].repository.startswith("timm/darknet53.")
    assert hub_weights("shufflenet-v1") == []
    assert [each.tag for each in hub_weights("alexnet")] == ["IMAGENET1K_V1"]


def as_published(content: bytes) -> HubWeights:
    """A file of torchvision's host, whose name ends in its hash as theirs do."""
    digits = hashlib.sha256(content).hexdigest()[:8]
    url = f"https://weights.example/models/squeezenet1_1-{digits}.pth"
    return HubWeights("V0", "torchvision", "squeezenet1_1", "BSD", ("squeezenet1_1.V0",), url=url)


def pickled(value: object) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def test_files_of_torchvision_are_resumed_and_converted(hub: FileServer, tmp_path: Path) -> None:
    """A .pth is fetched from the mirror that is set up, checked by the hash in its name."""
    tensors = torchvision.models.squeezenet1_1().state_dict()
    content = pickled(tensors)
    weights = as_published(content)
    hub.files[f"/models/{weights.file_name}"] = Served(content, cuts=[1_000_000])
    start = HubFolder(home(tmp_path, hub)).start(weights)
    assert [asked for _, _, asked in hub.asked] == ["", "bytes=1000000-"]
    assert start.weights.source == "hub:squeezenet1_1.V0"
    assert start.file is not None
    found = load_file(start.file)
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in found)
    silent = HubFolder(home(tmp_path, None, offline=True))
    assert silent.is_at_hand(weights)
    assert silent.start(weights) == start


def test_two_that_want_the_same_weights_fetch_them_once(hub: FileServer, tmp_path: Path) -> None:
    """Whoever comes second waits for the first and takes what that kept."""
    content = pickled(torchvision.models.squeezenet1_1().state_dict())
    weights = as_published(content)
    hub.files[f"/models/{weights.file_name}"] = Served(content)
    with ThreadPoolExecutor(2) as both:
        asked = [both.submit(HubFolder(home(tmp_path, hub)).start, weights) for _ in range(2)]
        one, other = (each.result() for each in asked)
    assert one == other
    assert len(hub.asked) == 1


class Trap:
    """Leaves a mark when it is unpickled with code allowed."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


def test_a_published_file_with_code_is_refused_without_running_it(
    hub: FileServer, tmp_path: Path
) -> None:
    """Code in a file from the very place that is trusted does not run either."""
    content = pickled({"weight": Trap(tmp_path / "mark")})
    weights = as_published(content)
    hub.files[f"/models/{weights.file_name}"] = Served(content)
    with pytest.raises(StorageError, match="could not be converted"):
        HubFolder(home(tmp_path, hub)).start(weights)
    assert not (tmp_path / "mark").exists()
    assert not list(tmp_path.rglob("*.safetensors"))
    assert not list(tmp_path.rglob("*.pth"))


def test_what_the_hub_library_fetched_before_counts(tmp_path: Path) -> None:
    """Offline, a whole file in Hugging Face's own cache is as good as one fetched by midrib."""
    sha256 = hashlib.sha256(b"weights").hexdigest()
    repository = tmp_path / "models--timm--test_resnet.r160_in1k"
    for folder in ("blobs", "refs", f"snapshots/{COMMIT}"):
        (repository / folder).mkdir(parents=True)
    blob = repository / "blobs" / sha256
    blob.write_bytes(b"weights")
    (repository / "refs" / "main").write_text(COMMIT)
    link = repository / "snapshots" / COMMIT / "model.safetensors"
    link.symlink_to(f"../../blobs/{sha256}")
    assert at_hand_offline(tmp_path)
    blob.write_bytes(b"damaged")
    assert not at_hand_offline(tmp_path)


def at_hand_offline(cache: Path) -> bool:
    """Asked of a fresh process, since the hub's library reads its cache's place when imported."""
    script = (
        "from midrib.backbones.weights.hub import HubWeights\n"
        "from midrib.backbones.weights.hub_files import HubFolder\n"
        "from midrib.settings import Settings\n"
        f"weights = HubWeights('r160_in1k', 'timm', 'test_resnet', '', repository={TITLE!r})\n"
        "print(HubFolder(Settings(offline=True)).is_at_hand(weights))\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"HF_HUB_CACHE": str(cache), "MIDRIB_HOME": str(cache / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    return finished.stdout.strip() == "True"
