"""Tree crowns from the air: from four photos to a served detector, and how far to trust it.

fetch ▸ cut ▸ train ▸ other sites ▸ publish ▸ serve ▸ ask ▸ draw ▸ report
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from midrib.demos.asking import Asked, ask_drawn, ask_until_version
from midrib.demos.stages import Stages
from midrib.demos.telling import at_least, lines_of_places, lines_of_seconds, within_seconds
from midrib.demos.trees_data import (
    ARCHIVE,
    LICENCE,
    OF_THE_DATA,
    STRIPS,
    TILES,
    TreePictures,
    tree_pictures,
)
from midrib.engines import load_predictor
from midrib.evaluation import AnyEvaluation, evaluate_package
from midrib.evaluation.report import ReleaseEvent
from midrib.exporting import ExportConfig
from midrib.machine import machine_name
from midrib.packages import open_package
from midrib.pipeline import Trained, release, train
from midrib.pipeline.data import read
from midrib.pipeline.telling import Story, tell_run
from midrib.records import Score
from midrib.reporting import Reporter
from midrib.serving import ServeConfig, ServerProcess
from midrib.settings import Settings
from midrib.storage import write_bytes
from midrib.tiling import Tiling
from midrib.training import TrainConfig

NAME = "tree-crowns"
GOAL_AP50 = 0.25
GOAL_SECONDS = 480.0
OTHER_SITES = "other sites"

TRAIN = TrainConfig(
    algorithm="fcos",
    backbone="efficientnet-lite0",
    weights="packaged",
    size=TILES.size,
    epochs=16,
    batch_size=4,
    learning_rate=1e-3,
)
"""Chosen so that two cores are done within minutes; a tile is seen pixel by pixel.

The weights are those of a package, so that the demonstration needs no model hub.
"""

EXPORT = ExportConfig(tiles=Tiling.of(TILES.size))
"""Photos are looked at tile by tile: whole they would be shrunk until crowns are specks."""


@dataclass(frozen=True)
class TreesResult:
    """What the demonstration measured and where everything lies."""

    trained: Trained
    elsewhere: AnyEvaluation
    asked: Asked
    drawn: Path
    seconds: dict[str, float]
    reused: bool
    home: Path

    def as_record(self) -> dict[str, object]:
        return {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine_name(),
            "ap50": self._ap50.model_dump(mode="json"),
            "ap50_other_sites": self._ap50_elsewhere.model_dump(mode="json"),
            "goals": self._goals(),
            "asked": self.asked.as_record(),
            "drawn": str(self.drawn),
            "seconds": self.seconds,
            "total_seconds": self.total_seconds,
            "report": str(self.trained.run.report),
            "home": str(self.home),
        }

    @property
    def total_seconds(self) -> float:
        return round(sum(self.seconds.values()), 1)

    def lines(self) -> list[str]:
        test, photo = self.trained.test, self.elsewhere.paths[0]
        return [
            "",
            f"AP50 as served     {_told(self._ap50)} tiles of the held-out strips "
            f"(goal {GOAL_AP50})",
            f"on other sites     {_told(self._ap50_elsewhere)} photos of forests that it never "
            "saw: for those it would need pictures of theirs",
            self.asked.line(),
            f"drawn      {self.drawn}",
            "",
            *lines_of_seconds(self.seconds, self.total_seconds, GOAL_SECONDS, reused=self.reused),
            "",
            *lines_of_places(self.trained, self.home),
            "",
            "three commands to try next:",
            f"  midrib serve {NAME}",
            f"  midrib predict {NAME} {photo} --draw found.png",
            f"  midrib predict {NAME} {test.paths[0]}",
        ]

    @property
    def _ap50(self) -> Score:
        return self.trained.test.score("ap50")

    @property
    def _ap50_elsewhere(self) -> Score:
        return self.elsewhere.score("ap50")

    def _goals(self) -> list[dict[str, object]]:
        """Goals and figures; a time that reused an earlier one's work says nothing."""
        goals = [at_least("AP50 on the held-out strips, as served", GOAL_AP50, self._ap50.value)]
        if not self.reused:
            goals.append(within_seconds(GOAL_SECONDS, self.total_seconds))
        return goals


def run_trees(settings: Settings, reporter: Reporter) -> TreesResult:
    """Go the whole path; what is unchanged since an earlier time is reused.

    Raises ``MidribError``; Ctrl-C at any point leaves what is finished.
    """
    stages = Stages()
    reused = any(settings.runs.glob(f"{NAME}-*"))
    reporter.say(f"The photos of {ARCHIVE.requirement} are licensed {LICENCE}.")
    with stages.timed("fetch"):
        pictures = tree_pictures(settings, reporter)
    with stages.timed("train"):
        trained = train(
            pictures.tiles,
            name=NAME,
            config=TRAIN,
            split_config=STRIPS,
            export_config=EXPORT,
            data_licence=LICENCE,
            settings=settings,
            reporter=reporter,
        )
    with stages.timed("other sites"):
        elsewhere = _score_elsewhere(trained, pictures, settings, reporter)
    with stages.timed("serve"):
        asked, drawn = _serve_and_ask(trained, elsewhere.paths, settings, reporter)
    with stages.timed("report"):
        told = _told(elsewhere.score("ap50"))
        story = Story(
            title="Tree crowns",
            data_notes=(*OF_THE_DATA, f"AP50 there, by the same file: {told} photos."),
            releases=[ReleaseEvent(asked.when, asked.version, f"live; {asked.pictures} photos")],
            seconds=stages.seconds,
        )
        tell_run(trained.run, trained.dataset, settings, story)
    return TreesResult(
        trained=trained,
        elsewhere=elsewhere,
        asked=asked,
        drawn=drawn,
        seconds=stages.seconds,
        reused=reused,
        home=settings.folder,
    )


def _score_elsewhere(
    trained: Trained, pictures: TreePictures, settings: Settings, reporter: Reporter
) -> AnyEvaluation:
    """The published file on photos of other sites, tile by tile as it is served."""
    package = open_package(trained.package)
    predictor = load_predictor(package, memory=settings.engine_choices)
    photos = read(
        pictures.elsewhere, strict=False, settings=settings, reporter=reporter, needs="pictures"
    )
    return evaluate_package(package, photos.items, predictor, split=OTHER_SITES)


def _serve_and_ask(
    trained: Trained, photos: Sequence[Path], settings: Settings, reporter: Reporter
) -> tuple[Asked, Path]:
    """Ask a server about whole photos, and for one of them drawn."""
    release(NAME, trained.version, settings=settings)
    log = settings.folder / "demo-server.log"
    drawn = settings.folder / f"{NAME}.png"
    with ServerProcess([NAME], ServeConfig(port=0), settings, log=log) as server:
        reporter.say(f"serving    {server.url}/v1/models/{NAME}")
        asked = ask_until_version(server.url, NAME, photos, trained.version)
        reporter.say(asked.line())
        write_bytes(drawn, ask_drawn(server.url, NAME, photos[0]))
    return asked, drawn


def _told(score: Score) -> str:
    return (
        f"{score.value:.3f} (95 % interval {score.low:.3f} to {score.high:.3f}) on {score.pictures}"
    )
