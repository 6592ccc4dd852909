"""What ``--weights`` means for a backbone."""

from __future__ import annotations

from pathlib import Path

from midrib.backbones.weights.earlier_run import best_file, run_folder, run_start
from midrib.backbones.weights.hub import HUB, choose_weights, hub_weights
from midrib.backbones.weights.hub_files import HubFolder
from midrib.backbones.weights.local_weights import local_start
from midrib.backbones.weights.origin import RANDOM_START, Start
from midrib.backbones.weights.packaged import PACKAGED, PACKAGED_WEIGHTS, packaged_start
from midrib.errors import StorageError, UsageError
from midrib.names import unknown_name
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings
from midrib.storage import file_sha256

AUTO = "auto"
RANDOM = "none"

_CHOICES = (
    f"'{AUTO}', '{HUB}', '{PACKAGED}', '{RANDOM}', a safetensors file, a folder that holds one, or "
    "a run"
)

_OTHERWISE = "add --weights FILE.safetensors, or --weights none for a random start"


def start_from(name: str, wanted: str, settings: Settings, reporter: Reporter = SILENT) -> Start:
    """What the backbone ``name`` starts from.

    Args:
        name: canonical name of a backbone, or 'timm:' or 'torchvision:' and one of their models.
        wanted: 'none' for a random start; 'hub' or 'hub:TAG' for what timm and torchvision
            publish; 'packaged' or 'packaged:NAME' for what a package of the registry carries;
            'auto' for the first of these two that can be had; or a safetensors file, a folder that
            holds one, or an earlier run.
        settings: where weights are kept and whether the network may be used.
        reporter: is told how far a download is, and what was taken instead of what.

    Raises:
        UsageError: there are no such weights.
        StorageError: the weights cannot be had or are no safetensors.
    """
    _require_given(wanted)
    kind, _, chosen = wanted.partition(":")
    if wanted == RANDOM:
        return RANDOM_START
    if wanted == AUTO:
        return _best_start(name, settings, reporter)
    if kind == HUB:
        return HubFolder(settings, reporter).start(*choose_weights(name, chosen))
    if kind == PACKAGED:
        return packaged_start(_packaged_name(name, chosen), settings, reporter)
    run = run_folder(wanted, settings)
    return run_start(run, settings) if run else local_start(_existing(wanted))


def _best_start(name: str, settings: Settings, reporter: Reporter) -> Start:
    """The hub where it can be had, else packaged weights; never a random start unasked for."""
    published, hub = hub_weights(name)[:1], HubFolder(settings, reporter)
    if published and hub.is_at_hand(published[0]):
        try:
            return hub.start(published[0])
        except StorageError as problem:
            if name not in PACKAGED_WEIGHTS:
                raise
            reporter.say(f"packaged weights are taken instead: {problem}")
    if name in PACKAGED_WEIGHTS:
        return packaged_start(name, settings, reporter)
    if published and settings.offline:
        return hub.start(published[0])  # says what it would have fetched
    require_published(name, AUTO)
    raise StorageError(
        f"the hub that has weights for '{name}' does not answer, and no package carries any",
        expected=f"the network, or one of: {', '.join(sorted(PACKAGED_WEIGHTS))}",
        todo=_OTHERWISE,
    )


def require_published(name: str, wanted: str) -> None:
    """Raise ``UsageError`` for a word that stands for weights which nobody has for a backbone.

    Nobody is asked: whether they can be had is seen when they are taken.
    """
    kind, _, chosen = wanted.partition(":")
    if kind == HUB:
        choose_weights(name, chosen)
    if kind == PACKAGED:
        _packaged_name(name, chosen)
    if wanted == AUTO and name not in PACKAGED_WEIGHTS and not hub_weights(name):
        raise UsageError(
            f"nobody publishes weights for '{name}' that midrib knows of",
            expected=f"one of: {', '.join(sorted(PACKAGED_WEIGHTS))}, or a model with weights on "
            "a hub",
            todo=_OTHERWISE,
        )


def is_word(wanted: str) -> bool:
    """Whether weights are asked for by a word of ours, not by a path or the name of a run."""
    return wanted in {AUTO, RANDOM} or wanted.partition(":")[0] in {HUB, PACKAGED}


def start_identity(wanted: str, settings: Settings) -> str:
    """What a run is known by of its ``--weights``.

    Of a file or an earlier run it is the content, wherever it lies. Otherwise it is the word
    itself, so that a run is the same one whether a network is there or not: what the word stood for
    when the run began is kept in its folder. Raises ``UsageError`` and ``StorageError``.
    """
    _require_given(wanted)
    if is_word(wanted):
        return wanted
    run = run_folder(wanted, settings)
    if run is not None:
        return f"sha256:{file_sha256(best_file(run))}"
    return f"sha256:{local_start(_existing(wanted)).weights.sha256}"


def _packaged_name(name: str, chosen: str) -> str:
    if chosen and chosen not in PACKAGED_WEIGHTS:
        raise unknown_name("packaged weights", chosen, PACKAGED_WEIGHTS)
    if name not in PACKAGED_WEIGHTS or chosen not in {"", name}:
        raise UsageError(
            f"the packaged weights '{chosen}' are not those of '{name}'"
            if chosen
            else f"there are no packaged weights for '{name}'",
            expected=f"one of: {', '.join(sorted(PACKAGED_WEIGHTS))}",
            todo="choose such a backbone, or other weights: a safetensors file, 'hub' or 'none'",
        )
    return name


def _require_given(wanted: str) -> None:
    """Raise ``UsageError`` for no word at all, which as a path would be the current folder."""
    if not wanted.strip():
        raise UsageError("the weights are empty", expected=_CHOICES, todo="name some")


def _existing(wanted: str) -> Path:
    path = Path(wanted).expanduser()
    if path.exists():
        return path
    raise StorageError(
        f"there are no weights '{wanted}'",
        expected=_CHOICES,
        todo="check the path",
    )
