"""Defective solar cells: from 2,624 photos to a served, watched and rolled-back model.

fetch ▸ train ▸ probe ▸ publish ▸ serve ▸ ask ▸ release ▸ ask ▸ roll back ▸ ask ▸ watch ▸ report
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from midrib.demos.asking import Asked, ask_until_version
from midrib.demos.baseline import measure_baseline
from midrib.demos.cells_data import ARCHIVE, DEFECTIVE, LICENCE, NO_MODULES, cells_table
from midrib.demos.stages import Stages
from midrib.demos.telling import at_least, lines_of_places, lines_of_seconds, within_seconds
from midrib.evaluation import Evaluation, require_classified
from midrib.evaluation.report import Baseline, ReleaseEvent
from midrib.exporting import ExportConfig, decide_otherwise, load_packaged
from midrib.machine import machine_name
from midrib.pipeline import Trained, monitor, publish, release, rollback, train
from midrib.pipeline.running import Monitored
from midrib.pipeline.telling import Story, tell_run
from midrib.reporting import Reporter
from midrib.serving import ServeConfig, ServerProcess
from midrib.settings import Settings
from midrib.training import TrainConfig

NAME = "solar-cells"
GOAL_AUC = 0.90
GOAL_SECONDS = 360.0
CAREFUL_RULE = "recall:0.95"

TRAIN = TrainConfig(
    backbone="efficientnet-lite0",
    weights="packaged",
    size=144,
    crop_ratio=1.0,
    epochs=4,
    batch_size=32,
    learning_rate=1e-3,
    frozen_stages=3,
    augmentation="dihedral",
    metric="roc_auc",
)
"""Chosen so that two cores are done within minutes; cells have no upper side.

The weights are those of a package, so that the demonstration needs no model hub.
"""

DECIDE = ExportConfig(positive=DEFECTIVE, threshold="balanced")
DECIDE_CAREFULLY = ExportConfig(positive=DEFECTIVE, threshold=CAREFUL_RULE)


@dataclass(frozen=True)
class CellsResult:
    """What the demonstration measured and where everything lies."""

    trained: Trained
    careful_version: int
    baseline: Baseline
    asked: Sequence[Asked]
    watched: Monitored
    seconds: dict[str, float]
    reused: bool
    home: Path

    def as_record(self) -> dict[str, object]:
        auc = self.trained.test.score("roc_auc")
        return {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine_name(),
            "roc_auc": auc.model_dump(mode="json"),
            "baseline": asdict(self.baseline),
            "goals": self._goals(),
            "asked": [asked.as_record() for asked in self.asked],
            "monitor": self.watched.as_record(),
            "seconds": self.seconds,
            "total_seconds": self.total_seconds,
            "report": str(self.trained.run.report),
            "home": str(self.home),
        }

    def _goals(self) -> list[dict[str, object]]:
        """Goals and figures; a time that reused an earlier one's work says nothing."""
        auc = self.trained.test.score("roc_auc").value
        goals = [at_least("ROC AUC on the test split, as served", GOAL_AUC, auc)]
        if not self.reused:
            goals.append(within_seconds(GOAL_SECONDS, self.total_seconds))
        return goals

    @property
    def total_seconds(self) -> float:
        return round(sum(self.seconds.values()), 1)

    def lines(self) -> list[str]:
        auc = self.trained.test.score("roc_auc")
        return [
            "",
            f"ROC AUC as served  {auc.value:.3f} on {auc.pictures} test pictures "
            f"(95 % interval {auc.low:.3f} to {auc.high:.3f}; goal {GOAL_AUC})",
            _baseline_line(self.baseline),
            *(asked.line() for asked in self.asked),
            *self.watched.lines(),
            "",
            *lines_of_seconds(self.seconds, self.total_seconds, GOAL_SECONDS, reused=self.reused),
            "",
            *lines_of_places(self.trained, self.home),
            "",
            "three commands to try next:",
            f"  midrib serve {NAME}",
            f"  midrib predict {NAME} {self.trained.test.paths[0]}",
            f"  midrib release {NAME} --version {self.careful_version}",
        ]


def run_cells(settings: Settings, reporter: Reporter) -> CellsResult:
    """Go the whole path; what is unchanged since an earlier time is reused.

    Raises ``MidribError``; Ctrl-C at any point leaves what is finished.
    """
    stages = Stages()
    reused = any(settings.runs.glob(f"{NAME}-*"))
    reporter.say(
        f"The photos of {ARCHIVE.requirement} are licensed {LICENCE}: not for commercial use."
    )
    with stages.timed("fetch"):
        table = cells_table(settings)
    with stages.timed("train"):
        trained = train(
            table,
            name=NAME,
            config=TRAIN,
            export_config=DECIDE,
            data_licence=LICENCE,
            settings=settings,
            reporter=reporter,
        )
    with stages.timed("baseline"):
        baseline = measure_baseline(trained, settings, reporter)
    with stages.timed("version 2"):
        careful = _publish_careful(trained, settings)
    with stages.timed("serve"):
        asked = _serve_and_switch(trained, careful, settings, reporter)
        watched = monitor(NAME, hours=1, settings=settings)
    with stages.timed("report"):
        story = Story(
            title="Solar cells",
            data_notes=(NO_MODULES,),
            baseline=baseline,
            releases=[
                ReleaseEvent(one.when, one.version, f"{what}; answered {one.pictures} pictures")
                for what, one in zip(("live", "released", "live again"), asked, strict=True)
            ],
            monitoring=watched.as_record(),
            seconds=stages.seconds,
        )
        tell_run(trained.run, trained.dataset, settings, story)
    return CellsResult(
        trained=trained,
        careful_version=careful,
        baseline=baseline,
        asked=asked,
        watched=watched,
        seconds=stages.seconds,
        reused=reused,
        home=settings.folder,
    )


def _publish_careful(trained: Trained, settings: Settings) -> int:
    """The same weights under a threshold that misses fewer defects; trains nothing."""
    packaged = load_packaged(trained.run)
    target = trained.run.path / "package-careful"
    careful = decide_otherwise(packaged, DECIDE_CAREFULLY, target)
    return publish(careful.package.folder, settings=settings).version


def _serve_and_switch(
    trained: Trained, careful: int, settings: Settings, reporter: Reporter
) -> list[Asked]:
    """Ask over HTTP before a release, after it and after its rollback; one server throughout."""
    release(NAME, trained.version, settings=settings)
    first, second, third = _three_parts(require_classified(trained.test))
    log = settings.folder / "demo-server.log"
    with ServerProcess([NAME], ServeConfig(port=0), settings, log=log) as server:
        reporter.say(f"serving    {server.url}/v1/models/{NAME}")
        before = ask_until_version(server.url, NAME, first, trained.version)
        reporter.say(before.line())
        release(NAME, careful, settings=settings)
        after = ask_until_version(server.url, NAME, second, careful)
        reporter.say(after.line())
        rollback(NAME, settings=settings)
        back = ask_until_version(server.url, NAME, third, trained.version)
        reporter.say(back.line())
    return [before, after, back]


def _baseline_line(baseline: Baseline) -> str:
    gain = baseline.difference
    told = f"linear probe       {baseline.value:.3f} on the same pictures"
    if gain is None:
        return told
    return (
        f"{told}; fine-tuning gains {gain.value:+.3f} (95 % interval {gain.low:+.3f} to "
        f"{gain.high:+.3f}, paired bootstrap)"
    )


def _three_parts(test: Evaluation) -> list[list[Path]]:
    """Every third test picture each: no two parts share one, and each is like the whole."""
    return [list(test.paths[start::3]) for start in range(3)]
