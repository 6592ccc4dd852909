"""What a user means by NAME, NAME@VERSION or a folder, and looking into it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from midrib.engines import AUTO, load_predictor, rehearse
from midrib.errors import PackageError, UnknownNameError, UsageError
from midrib.packages import Card, Package, open_package, verify_package
from midrib.packages.card import require_model_name
from midrib.packages.manifest import MANIFEST
from midrib.packages.reading import CARD_FILE
from midrib.settings import Settings
from midrib.state import ModelVersion
from midrib.storage import file_sha256

_MOST_DIGITS = 9
"""More than any version has, less than any database refuses."""


def open_target(target: str, settings: Settings | None = None) -> Package:
    """The package that ``target`` means.

    A folder of pictures is no package: beside it, its name means the model trained on it.

    Args:
        target: a package's or a run's folder, a published name (its live version) or NAME@VERSION.
        settings: where names are kept.

    Raises:
        UnknownNameError: neither such a folder nor a published name.
        PackageError: the folder is no package.
    """
    folder = Path(target)
    if (folder / "run.json").is_file():
        return open_package(folder / "package")
    if "/" in target or any((folder / file).is_file() for file in (CARD_FILE, MANIFEST)):
        return open_package(folder)
    name, _, number = target.partition("@")
    published = published_version(require_model_name(name), number, settings or Settings())
    package = open_package(Path(published.location))
    if file_sha256(package.folder / MANIFEST) != published.manifest_sha256:
        raise PackageError(
            f"{package.folder} is not what was published as {name}@{published.version}",
            expected=f"a manifest with the hash {published.manifest_sha256[:12]}…",
            todo="restore the folder, or publish what is there as a new version",
        )
    return package


def open_whole(target: str, settings: Settings | None = None) -> Package:
    """`open_target`, with every file hashed: nothing that was changed is asked anything."""
    package = open_target(target, settings)
    verify_package(package)
    return package


def published_version(name: str, number: str, settings: Settings) -> ModelVersion:
    """A published version; an empty number means the live one."""
    from midrib.state import Releases

    with Releases(settings.database()) as releases:
        if not number:
            live = releases.live(name)
            if live is None:
                raise UsageError(
                    f"no version of '{name}' is live",
                    expected="a released model",
                    todo=f"midrib release {name} --version N",
                )
            return releases.version(name, live.version)
        if not number.isdecimal() or len(number) > _MOST_DIGITS:
            raise UnknownNameError(
                f"'{number}' is not a version of '{name}'",
                expected="a whole number",
                todo="see 'midrib models'",
            )
        return releases.version(name, int(number))


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
            f"input      uint8 pictures × {card.input.height} × {card.input.width} × "
            f"{card.input.channels}; {recipe.fit} {recipe.crop_ratio:g}, {recipe.filter}",
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


def _decision(card: Card) -> str:
    if card.decision.positive is None:
        return "the most probable class"
    return f"'{card.decision.positive}' from probability {card.decision.threshold:.3f} on"
