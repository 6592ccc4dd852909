"""The folder of one training run: what it was made from and what it has made so far."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Tag

from midrib.backbones.weights.earlier_run import RECORD_FILE
from midrib.config import Config
from midrib.errors import MidribError, TrainingError
from midrib.preprocessing import Recipe
from midrib.storage import read_json, write_json
from midrib.tasks.plan import DetectionPlan
from midrib.tasks.segmentation_plan import SegmentationPlan
from midrib.training.config import TrainConfig

_STAGES_FILE = "stages.json"


def _task_of_plan(told: Any) -> str:
    """Of a plan, or of one as it was read."""
    if isinstance(told, dict):
        return "segmentation" if "class_weights" in told else "detection"
    return "segmentation" if isinstance(told, SegmentationPlan) else "detection"


Plan = Annotated[
    Annotated[DetectionPlan, Tag("detection")] | Annotated[SegmentationPlan, Tag("segmentation")],
    Discriminator(_task_of_plan),
]
"""What a run's model is shaped by."""


class RunRecord(Config):
    """What a run was made from. Written before the first step."""

    name: str
    """What the model will be called."""

    identity: str
    """Fingerprint of data version, labels and options: equal identities are the same run."""

    source: str
    """Where the pictures are."""

    data_version: str
    data_licence: str = ""
    labels: list[str]
    train: TrainConfig
    recipe: Recipe
    plan: Plan | None = None
    """Of detectors and segmenters: their shape, as derived from backbone and data."""

    weights_origin: str
    weights_licence: str
    weights_source: str = ""
    """What to write after --weights to begin with the same again, whatever 'auto' finds then."""

    weights_sha256: str = ""
    """Hash of the file that it began with; empty for a random start."""

    tracking_run: str
    """Id of the run in MLflow."""


@dataclass(frozen=True)
class RunFolder:
    """Paths and records of one run."""

    path: Path

    @property
    def package(self) -> Path:
        return self.path / "package"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def splits(self) -> Path:
        """Which picture is in which split."""
        return self.path / "splits.csv"

    @property
    def onnx(self) -> Path:
        return self.path / "fp32.onnx"

    @property
    def probe(self) -> Path:
        """What a linear probe answered on the test split, to compare the run with."""
        return self.path / "probe.safetensors"

    @property
    def warm_start(self) -> Path:
        """Which tensors of an earlier run it began with, and which not."""
        return self.path / "warm-start.json"

    @property
    def leaks(self) -> Path:
        """Test pictures, by SHA-256, that a copy of was learnt from; there only if any are."""
        return self.path / "leaks.json"

    def leaked(self) -> frozenset[str]:
        """The SHA-256 of those pictures."""
        return frozenset(read_json(self.leaks)["test"]) if self.leaks.is_file() else frozenset()

    def evaluation(self, split: str) -> Path:
        return self.path / f"evaluation-{split}.safetensors"

    def save(self, record: RunRecord) -> None:
        record.save(self.path / RECORD_FILE)

    def record(self) -> RunRecord:
        """What the run was made from. Raises ``TrainingError`` when this is no run's folder."""
        try:
            return RunRecord.load(self.path / RECORD_FILE)
        except MidribError as problem:
            raise TrainingError(
                f"{self.path} is not the folder of a run: {problem.came}",
                expected="a folder that 'midrib train' named",
                todo="look below the runs folder that 'midrib doctor' names",
            ) from None

    def is_begun(self) -> bool:
        return (self.path / RECORD_FILE).is_file()

    def finished(self, stage: str) -> dict[str, Any] | None:
        """What was noted when ``stage`` finished, or None."""
        noted: dict[str, Any] | None = self.stages().get(stage)
        return noted

    def finish(self, stage: str, seconds: float, **facts: Any) -> None:
        """Note that ``stage`` is done, how long it took and what came of it."""
        noted = {**self.stages(), stage: {"seconds": round(seconds, 3), **facts}}
        write_json(self.path / _STAGES_FILE, noted)

    def stages(self) -> dict[str, Any]:
        """Finished stages in their order."""
        file = self.path / _STAGES_FILE
        stages: dict[str, Any] = read_json(file) if file.is_file() else {}
        return stages
