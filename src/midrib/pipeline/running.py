"""Run a model and look after it: predict, serve, monitor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from midrib.engines import AUTO, load_predictor
from midrib.errors import MidribError, PictureError, UsageError
from midrib.monitoring import Watch
from midrib.monitoring import monitor as watch_log
from midrib.packages import Card, Reference, open_package
from midrib.pipeline.targets import open_whole
from midrib.preprocessing import SUFFIXES
from midrib.records import Answered, Detections, Segmentation
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings
from midrib.tiling import Tiling


@dataclass(frozen=True)
class Predictions:
    """Answers by picture, and what could not be answered and why."""

    model: str
    version: int | None
    engine: str
    answers: dict[Path, Answered]
    refused: dict[Path, str]
    drawn: tuple[Path, ...] = ()
    masks: tuple[Path, ...] = ()

    def as_record(self) -> dict[str, object]:
        return {
            "model": self.model,
            "version": self.version,
            "engine": self.engine,
            "predictions": [
                {"picture": str(path), **answer.as_record()}
                for path, answer in self.answers.items()
            ],
            "refused": [{"picture": str(path), "error": why} for path, why in self.refused.items()],
            **({"drawn": [str(path) for path in self.drawn]} if self.drawn else {}),
            **({"masks": [str(path) for path in self.masks]} if self.masks else {}),
        }

    def lines(self) -> list[str]:
        width = max((len(answer.label) for answer in self.answers.values()), default=0)
        answered = []
        for path, answer in self.answers.items():
            if isinstance(answer, Detections):
                answered += [f"{path}: {counted_objects(len(answer))}", *_objects(answer)]
            elif isinstance(answer, Segmentation):
                answered += [f"{path}:", *_classes(answer)]
            else:
                answered.append(f"{answer.label:<{width}}  {answer.score:.3f}  {path}")
        refused = [f"refused  {path}: {why}" for path, why in self.refused.items()]
        written = [f"drawn    {path}" for path in self.drawn]
        written += [f"mask     {path}" for path in self.masks]
        return [*answered, *refused, *written]


def counted_objects(count: int) -> str:
    """A count of objects in words."""
    return f"{count} object" if count == 1 else f"{count} objects"


def _objects(answer: Detections) -> list[str]:
    width = max(map(len, answer.labels), default=0)
    return [
        f"  {label:<{width}}  {score:.3f}  "
        f"from {box[0]:.0f}, {box[1]:.0f} to {box[2]:.0f}, {box[3]:.0f}"
        for label, score, box in zip(answer.labels, answer.scores, answer.boxes, strict=True)
    ]


def _classes(answer: Segmentation) -> list[str]:
    """Each class of a picture with its share, the largest first."""
    width = max(map(len, answer.pixels), default=0)
    shares = sorted(answer.shares.items(), key=lambda each: -each[1])
    return [
        f"  {label:<{width}}  {share:>6.1%}  {answer.pixels[label]:,} pixels"
        for label, share in shares
        if answer.pixels[label]
    ]


def predict(
    target: str,
    pictures: Sequence[str | Path],
    *,
    engine: str = AUTO,
    tiles: Tiling | None = None,
    draw: Path | None = None,
    masks: Path | None = None,
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> Predictions:
    """Ask a model about picture files, through the code that serves it.

    Args:
        target: a published name, NAME@VERSION or a package's folder.
        pictures: files, or folders whose pictures are all asked.
        engine: the engine's name or 'auto'.
        tiles: how a detector looks at larger pictures; None takes what the package says.
        draw: write pictures with the objects or masks found in them to this file, or into this
            folder.
        masks: write the class of each pixel, or the number of its object, to files of numbers in
            this folder.
        settings: where everything is kept.
        reporter: is told how far it is.

    Raises:
        UsageError: there is no picture, nothing that could be drawn, or tiles for no detector.
        PictureError: not one of the pictures can be read.
    """
    settings = settings or Settings()
    files = list(_files([Path(picture) for picture in pictures]))
    if not files:
        raise UsageError(
            f"no pictures in {', '.join(str(path) for path in pictures)}",
            expected=f"files ending in {', '.join(sorted(SUFFIXES))}",
            todo="name picture files or folders that hold some",
        )
    package = open_whole(target, settings)
    predictor = load_predictor(package, engine=engine, memory=settings.engine_choices, tiles=tiles)
    answers, refused = {}, {}
    with reporter.bar("predict") as advance:
        for done, file in enumerate(files, start=1):
            try:
                [answers[file]] = predictor.predict([file.read_bytes()])
            except PictureError as problem:
                refused[file] = str(problem)
            except OSError as problem:
                refused[file] = f"{problem.strerror}; check the path and its permissions"
            advance(done, len(files), "")
    if not answers:
        raise PictureError(
            f"none of {len(files)} pictures can be read; {files[0]}: {refused[files[0]]}",
        )
    card = package.card
    drawn: tuple[Path, ...] = ()
    if draw is not None:
        from midrib.pipeline.drawing import draw_answers

        drawn = tuple(draw_answers(answers, draw))
    written: tuple[Path, ...] = ()
    if masks is not None:
        written = tuple(_write_masks(card, answers, masks))
    return Predictions(
        card.name, card.version, predictor.choice.engine, answers, refused, drawn, written
    )


def _write_masks(card: Card, answers: Mapping[Path, Answered], folder: Path) -> list[Path]:
    """Of pixels their classes, of objects their numbers."""
    if card.masks is not None:
        from midrib.pipeline.instance_files import write_instances

        return write_instances(answers, folder)
    from midrib.pipeline.mask_files import write_masks

    return write_masks(answers, card.labels, folder)


def serve(
    targets: Sequence[str],
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    engine: str = AUTO,
    settings: Settings | None = None,
) -> None:
    """Serve models over HTTP until SIGTERM or Ctrl-C, then drain. See `midrib.serving`."""
    from midrib.serving import ServeConfig
    from midrib.serving import serve as serve_http

    config = ServeConfig(host=host, port=port, engine=engine)
    serve_http(list(targets), config, settings or Settings())


@dataclass(frozen=True)
class Monitored:
    """What the prediction log saw."""

    watch: Watch

    def as_record(self) -> dict[str, object]:
        return self.watch.as_record()

    def lines(self) -> list[str]:
        lines = [
            f"{self.watch.name}: {self.watch.requests} requests since "
            f"{self.watch.since:%Y-%m-%d %H:%M} UTC, {self.watch.per_minute:.1f} a minute"
        ]
        for version in self.watch.versions:
            traffic = version.traffic
            latency = ", ".join(f"{key} {ms:.1f} ms" for key, ms in traffic.latency_ms.items())
            labels = _mix(traffic.labels)
            lines.append(
                f"  version {traffic.version}: {traffic.requests} requests "
                f"({traffic.refused} refused, {traffic.failed} failed); {latency}; {labels}"
            )
            lines += [
                f"    {one.measure:<12} {one.verdict} ({one.divergence:.3f}; by chance up to "
                f"{one.by_chance:.3f})"
                for one in version.comparisons
            ]
        return lines


def _mix(labels: Mapping[str, float]) -> str:
    """Classes in words: pictures of each, or of a segmenter its share of all pixels."""
    if all(float(count).is_integer() for count in labels.values()):
        return ", ".join(f"{count:.0f} {label}" for label, count in labels.items())
    whole = sum(labels.values())
    return ", ".join(f"{count / whole:.1%} {label}" for label, count in labels.items())


def monitor(name: str, *, hours: float = 24.0, settings: Settings | None = None) -> Monitored:
    """Traffic, latency, class mix and inputs of ``name``, against its packages' references.

    Raises ``UnknownNameError`` when nothing was ever logged for it.
    """
    settings = settings or Settings()
    references = references_by_version(name, settings)
    return Monitored(watch_log(name, settings.predictions, references, since_hours=hours))


def references_by_version(name: str, settings: Settings) -> dict[int, Reference]:
    """Reference statistics of the published versions of ``name`` whose packages can be read."""
    from midrib.state import Releases

    references = {}
    with Releases(settings.database()) as releases:
        known = releases.versions(name) if name in releases.names() else []
    for version in known:
        try:
            package = open_package(settings.packages / version.location)
            references[version.version] = package.reference
        except MidribError:
            # A version whose package is gone is still watched, only not compared.
            continue
    return references


def _files(pictures: Sequence[Path]) -> Iterator[Path]:
    for path in pictures:
        if path.is_dir():
            yield from (
                file
                for file in sorted(path.rglob("*"))
                if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
            )
        else:
            yield path
