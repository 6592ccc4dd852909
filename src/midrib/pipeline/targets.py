"""From what a user means to the package on disk, and looking into it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from midrib.engines import AUTO, load_predictor, rehearse
from midrib.errors import PackageError, UsageError
from midrib.packages import (
    Card,
    FolderTarget,
    NameTarget,
    Package,
    open_package,
    parse_target,
    verify_package,
)
from midrib.packages.manifest import MANIFEST
from midrib.settings import Settings
from midrib.state import ModelVersion
from midrib.storage import file_sha256


def open_target(target: str, settings: Settings | None = None) -> Package:
    """The package that ``target`` means.

    Args:
        target: see `midrib.packages.parse_target`.
        settings: where names are kept.

    Raises:
        UnknownNameError: the name, or that version of it, was never published.
        UsageError: no version of the name is live.
        PackageError: the folder is no package, or is not what was published.
    """
    meant = parse_target(target)
    if isinstance(meant, FolderTarget):
        return open_package(meant.folder)
    settings = settings or Settings()
    published = published_version(meant, settings)
    package = open_package(settings.packages / published.location)
    if file_sha256(package.folder / MANIFEST) != published.manifest_sha256:
        raise PackageError(
            f"{package.folder} is not what was published as {meant.name}@{published.version}",
            expected=f"a manifest with the hash {published.manifest_sha256[:12]}…",
            todo="restore the folder, or publish what is there as a new version",
        )
    return package


def open_whole(target: str, settings: Settings | None = None) -> Package:
    """`open_target`, with every file hashed: nothing that was changed is asked anything."""
    package = open_target(target, settings)
    verify_package(package)
    return package


def published_version(target: NameTarget, settings: Settings) -> ModelVersion:
    """What was published under that name: the version asked for, or the live one."""
    from midrib.state import Releases

    name = target.name
    with Releases(settings.database()) as releases:
        if target.version is not None:
            return releases.version(name, target.version)
        live = releases.live(name)
        if live is None:
            raise UsageError(
                f"no version of '{name}' is live",
                expected="a released model",
                todo=f"midrib release {name} --version N",
            )
        return releases.version(name, live.version)


@dataclass(frozen=True)
class CardShown:
    """A package's card."""

    folder: Path
    card: Card

    def as_record(self) -> dict[str, object]:
        return {"folder": str(self.folder), **self.card.model_dump(mode="json")}

    def lines(self) -> list[str]:
        card = self.card
        version = card.version or "not published"
        recipe = card.preprocessing
        lines = [
            f"{card.name}, version {version}: {card.task} into {', '.join(card.labels)}",
            f"backbone   {card.backbone}, weights {card.weights_origin} ({card.weights_licence})",
            f"input      uint8 pictures{_batch(card)} × {card.input.height} × {card.input.width} × "
            f"{card.input.channels}; {recipe.fit} {recipe.crop_ratio:g}, {recipe.filter}",
            *_masks(card),
            *_tiles(card),
            f"decision   {_decision(card)}",
            f"data       version {card.data_version[:12]}, "
            f"{card.data_licence or 'licence unknown'}",
            f"run        {card.run}, {card.created}",
        ]
        lines += [
            f"variant    {variant.name}: {variant.file}, {variant.size_bytes / 1e6:.1f} MB, "
            f"at most {variant.certificate.max_error:.1g} from the model on "
            f"{variant.certificate.pictures} pictures"
            for variant in card.variants
        ]
        lines += [
            f"{score.split:<10} {score.metric} {score.value:.4f} "
            f"({score.low:.4f} to {score.high:.4f}, {score.pictures} pictures)"
            for score in card.scores
        ]
        return lines


@dataclass(frozen=True)
class Verified:
    """What was checked of a package."""

    name: str
    version: int | None
    files: int
    bytes: int
    engine: str
    samples: int
    largest_difference: float

    def as_record(self) -> dict[str, object]:
        return {"verified": True, **asdict(self)}

    def lines(self) -> list[str]:
        return [
            f"{self.name}: all {self.files} files ({self.bytes / 1e6:.1f} MB) have their hashes",
            f"{self.samples} samples are answered by {self.engine} within "
            f"{self.largest_difference:.1g} of the lab's answers",
        ]


def show_package(path: str | Path) -> CardShown:
    """The card of the package at ``path``. Raises ``PackageError``."""
    package = open_target(str(path))
    return CardShown(package.folder, package.card)


def verify(path: str | Path, *, engine: str = AUTO, settings: Settings | None = None) -> Verified:
    """Hash every file and ask the model its samples. Raises ``PackageError``."""
    package = open_target(str(path), settings)
    verdict = verify_package(package)
    memory = (settings or Settings()).engine_choices
    predictor = load_predictor(package, engine=engine, memory=memory)
    return Verified(
        **asdict(verdict),
        engine=predictor.choice.engine,
        samples=len(package.samples),
        largest_difference=rehearse(predictor, package),
    )


def _batch(card: Card) -> str:
    return "" if card.input.dynamic_batch else ", one at a time,"


def _tiles(card: Card) -> list[str]:
    if card.tiles is None:
        return []
    size, overlap = card.tiles.size, card.tiles.overlap
    return [f"tiles      larger pictures in tiles of {size} pixels that overlap by {overlap}"]


def _masks(card: Card) -> list[str]:
    if card.masks is None:
        return []
    cells, threshold = card.masks.cells, card.masks.threshold
    return [f"masks      {cells} × {cells} in the box of each object, from {threshold:g} on"]


def _decision(card: Card) -> str:
    if card.suppression is not None:
        kept = card.suppression
        return (
            f"objects from score {card.decision.threshold:.3f} on, of one class overlapping by "
            f"{kept.most_overlap:g} at most, up to {kept.most_objects} a picture"
        )
    of_pixels = " of each pixel" if card.pixels is not None else ""
    if card.decision.positive is None:
        return f"the most probable class{of_pixels}"
    threshold = f"from probability {card.decision.threshold:.3f} on"
    return f"'{card.decision.positive}' {threshold}{of_pixels and ', for each pixel'}"
