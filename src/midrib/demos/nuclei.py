"""Nuclei under the microscope: from a time-lapse to a served segmenter, and how far to trust it.

fetch ▸ cut ▸ train ▸ other source ▸ instances ▸ publish ▸ serve ▸ ask ▸ draw ▸ report
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image

from midrib.datasets import Item
from midrib.datasets.drawing import Legend, draw_objects
from midrib.demos.asking import Asked, ask_drawn, ask_until_version
from midrib.demos.instances import Instances, as_annotations, found_mask, instances_of, part
from midrib.demos.nuclei_data import (
    LAPSE,
    LICENCE,
    NUCLEUS,
    OF_THE_DATA,
    OTHER,
    STRIPS,
    TILE_SIZE,
    NucleiPictures,
    nuclei_pictures,
)
from midrib.demos.stages import Stages
from midrib.demos.telling import at_least, lines_of_places, lines_of_seconds, within_seconds
from midrib.engines import load_predictor
from midrib.evaluation import AnyEvaluation, SegmentationEvaluation, evaluate_package
from midrib.evaluation.report import ReleaseEvent
from midrib.machine import machine_name
from midrib.packages import open_package
from midrib.pipeline import Trained, release, train
from midrib.pipeline.data import read
from midrib.pipeline.telling import Story, tell_run
from midrib.preprocessing import decode
from midrib.records import Score
from midrib.reporting import Reporter
from midrib.serving import ServeConfig, ServerProcess
from midrib.settings import Settings
from midrib.storage import write_bytes
from midrib.training import TrainConfig

NAME = "nuclei"
GOAL_IOU = 0.83
GOAL_IOU_ELSEWHERE = 0.78
GOAL_SECONDS = 300.0
OTHER_SOURCE = "other source"
_IOU = f"iou:{NUCLEUS}"

TRAIN = TrainConfig(
    algorithm="unet",
    backbone="efficientnet-lite0",
    weights="packaged",
    size=TILE_SIZE,
    epochs=5,
    batch_size=4,
    learning_rate=1e-3,
    metric="miou",
)
"""Chosen so that two cores are done within minutes; a tile is seen pixel by pixel.

The weights are those of a package, so that the demonstration needs no model hub.
"""


@dataclass(frozen=True)
class Scored:
    """What the published file answers to some tiles, as pixels and as instances."""

    evaluation: SegmentationEvaluation
    instances: Instances

    @property
    def iou(self) -> Score:
        """Of the pixels of nuclei."""
        return self.evaluation.score(_IOU)

    def as_record(self) -> dict[str, object]:
        return {"iou": self.iou.model_dump(mode="json"), "instances": self.instances.as_record()}


@dataclass(frozen=True)
class NucleiResult:
    """What the demonstration measured and where everything lies."""

    trained: Trained
    held_out: Scored
    elsewhere: Scored
    asked: Asked
    drawn: Path
    drawn_instances: Path
    seconds: dict[str, float]
    reused: bool
    home: Path

    def as_record(self) -> dict[str, object]:
        return {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine_name(),
            "held_out": self.held_out.as_record(),
            "other_source": self.elsewhere.as_record(),
            "goals": self._goals(),
            "asked": self.asked.as_record(),
            "drawn": str(self.drawn),
            "drawn_instances": str(self.drawn_instances),
            "seconds": self.seconds,
            "total_seconds": self.total_seconds,
            "report": str(self.trained.run.report),
            "home": str(self.home),
        }

    @property
    def total_seconds(self) -> float:
        return round(sum(self.seconds.values()), 1)

    def lines(self) -> list[str]:
        tile = self.elsewhere.evaluation.paths[0]
        return [
            "",
            f"IoU as served      {_told(self.held_out.iou)} tiles of the held-out strip "
            f"(goal {GOAL_IOU})",
            f"on another source  {_told(self.elsewhere.iou)} tiles of one picture "
            f"(goal {GOAL_IOU_ELSEWHERE})",
            f"instances          {_told_of(self.held_out.instances)}",
            f"on another source  {_told_of(self.elsewhere.instances)}",
            self.asked.line(),
            f"drawn      {self.drawn}",
            f"instances  {self.drawn_instances}",
            "",
            *lines_of_seconds(self.seconds, self.total_seconds, GOAL_SECONDS, reused=self.reused),
            "",
            *lines_of_places(self.trained, self.home),
            "",
            "three commands to try next:",
            f"  midrib serve {NAME}",
            f"  midrib predict {NAME} {tile} --draw found.png",
            f"  midrib predict {NAME} {tile} --masks told",
        ]

    def _goals(self) -> list[dict[str, object]]:
        """Goals and figures; a time that reused an earlier one's work says nothing."""
        goals = [
            at_least(
                "IoU of nuclei on the held-out strip, as served", GOAL_IOU, self.held_out.iou.value
            ),
            at_least(
                "IoU of nuclei on the other source, as served",
                GOAL_IOU_ELSEWHERE,
                self.elsewhere.iou.value,
            ),
        ]
        if not self.reused:
            goals.append(within_seconds(GOAL_SECONDS, self.total_seconds))
        return goals


def run_nuclei(settings: Settings, reporter: Reporter) -> NucleiResult:
    """Go the whole path; what is unchanged since an earlier time is reused.

    Raises ``MidribError``; Ctrl-C at any point leaves what is finished.
    """
    stages = Stages()
    reused = any(settings.runs.glob(f"{NAME}-*"))
    reporter.say(
        f"The pictures of {LAPSE.requirement} and {OTHER.requirement} are licensed {LICENCE}."
    )
    with stages.timed("fetch"):
        pictures = nuclei_pictures(settings)
    with stages.timed("train"):
        trained = train(
            pictures.tiles,
            name=NAME,
            config=TRAIN,
            split_config=STRIPS,
            data_licence=LICENCE,
            settings=settings,
            reporter=reporter,
        )
    with stages.timed("other source"):
        answered, tiles = _answer_elsewhere(trained, pictures, settings, reporter)
    with stages.timed("instances"):
        held_out = _scored(trained.test, trained.dataset.of("test"))
        elsewhere = _scored(answered, tiles)
        drawn_instances = _draw_instances(elsewhere.evaluation, settings)
    with stages.timed("serve"):
        asked, drawn = _serve_and_ask(trained, elsewhere.evaluation.paths, settings, reporter)
    with stages.timed("report"):
        story = Story(
            title="Nuclei",
            data_notes=(
                *OF_THE_DATA,
                f"IoU there, by the same file: {_told(elsewhere.iou)} tiles.",
                f"Instances by watershed, held-out strip: {_told_of(held_out.instances)}.",
                f"Instances by watershed, other source: {_told_of(elsewhere.instances)}.",
            ),
            releases=[ReleaseEvent(asked.when, asked.version, f"live; {asked.pictures} tiles")],
            seconds=stages.seconds,
        )
        tell_run(trained.run, trained.dataset, settings, story)
    return NucleiResult(
        trained=trained,
        held_out=held_out,
        elsewhere=elsewhere,
        asked=asked,
        drawn=drawn,
        drawn_instances=drawn_instances,
        seconds=stages.seconds,
        reused=reused,
        home=settings.folder,
    )


def _answer_elsewhere(
    trained: Trained, pictures: NucleiPictures, settings: Settings, reporter: Reporter
) -> tuple[AnyEvaluation, Sequence[Item]]:
    """What the published file says of the other source, and the tiles themselves."""
    package = open_package(trained.package)
    predictor = load_predictor(package, memory=settings.engine_choices)
    tiles = read(
        pictures.elsewhere, strict=False, settings=settings, reporter=reporter, needs="pictures"
    )
    return evaluate_package(package, tiles.items, predictor, split=OTHER_SOURCE), tiles.items


def _scored(evaluation: AnyEvaluation, items: Sequence[Item]) -> Scored:
    if isinstance(evaluation, SegmentationEvaluation):
        return Scored(evaluation, instances_of(evaluation, items, NUCLEUS))
    raise AssertionError("a segmenter's evaluation is one of pixels")


def _draw_instances(evaluation: SegmentationEvaluation, settings: Settings) -> Path:
    """The first tile with each nucleus that was found in it; where that picture lies."""
    found = as_annotations(part(found_mask(evaluation, 0, NUCLEUS)), NUCLEUS)
    pixels = decode(evaluation.paths[0].read_bytes())
    picture = draw_objects(pixels, found, Legend.of([NUCLEUS]), named=False)
    encoded = io.BytesIO()
    Image.fromarray(picture).save(encoded, "PNG")
    drawn = settings.folder / f"{NAME}-instances.png"
    write_bytes(drawn, encoded.getvalue())
    return drawn


def _serve_and_ask(
    trained: Trained, tiles: Sequence[Path], settings: Settings, reporter: Reporter
) -> tuple[Asked, Path]:
    """Ask a server about the tiles, and for one of them drawn."""
    release(NAME, trained.version, settings=settings)
    log = settings.folder / "demo-server.log"
    drawn = settings.folder / f"{NAME}.png"
    with ServerProcess([NAME], ServeConfig(port=0), settings, log=log) as server:
        reporter.say(f"serving    {server.url}/v1/models/{NAME}")
        asked = ask_until_version(server.url, NAME, tiles, trained.version)
        reporter.say(asked.line())
        write_bytes(drawn, ask_drawn(server.url, NAME, tiles[0]))
    return asked, drawn


def _told(score: Score) -> str:
    return (
        f"{score.value:.3f} (95 % interval {score.low:.3f} to {score.high:.3f}) on {score.pictures}"
    )


def _told_of(instances: Instances) -> str:
    quality = instances.quality
    return (
        f"PQ {_told(instances.score)} tiles: {instances.true:,} nuclei, {instances.found:,} found; "
        f"F1 {quality.rq:.3f}, IoU of matched ones {quality.sq:.3f}"
    )
