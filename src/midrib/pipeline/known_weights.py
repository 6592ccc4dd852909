"""Published names as weights to start from: the run behind a name."""

from __future__ import annotations

from pathlib import Path

from midrib.backbones.weights.earlier_run import RECORD_FILE, run_folder
from midrib.backbones.weights.local_weights import holds_weights
from midrib.backbones.weights.start import is_word
from midrib.errors import UnknownNameError, UsageError
from midrib.packages.card import is_model_name
from midrib.pipeline.targets import open_target
from midrib.settings import Settings
from midrib.training import RunFolder, TrainConfig


def with_known_weights(config: TrainConfig, settings: Settings) -> TrainConfig:
    """The options with a published NAME or NAME@VERSION in ``weights`` made its run's folder.

    A file of weights and a run come before such a name, a folder of pictures does not: beside it,
    its name means the model trained on it. Raises ``UsageError`` when a version's run is gone.
    """
    wanted = config.weights
    if is_word(wanted) or run_folder(wanted, settings) or holds_weights(Path(wanted).expanduser()):
        return config
    if not is_model_name(wanted.partition("@")[0]):
        return config
    try:
        package = open_target(wanted, settings)
    except UnknownNameError:
        return config
    for record in sorted(settings.runs.glob(f"*/{RECORD_FILE}")):
        if RunFolder(record.parent).record().tracking_run == package.card.run:
            return config.model_copy(update={"weights": str(record.parent)})
    raise UsageError(
        f"the run that '{wanted}' was made by is no longer below {settings.runs}",
        expected="its folder",
        todo="restore it, or name other weights",
    )
