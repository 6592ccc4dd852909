"""Versions: publish, list, release, roll back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from midrib.errors import MissingExtraError, PackageError, StateError
from midrib.packages import Package, open_package, restamp_package, verify_package
from midrib.packages.card import require_model_name
from midrib.packages.manifest import MANIFEST
from midrib.packages.reading import CARD_FILE
from midrib.settings import Settings
from midrib.state import Release, Releases, Runs
from midrib.storage import file_sha256


@dataclass(frozen=True)
class Published:
    """A new version of a name."""

    name: str
    version: int
    folder: Path
    live: bool
    warning: str = ""

    def as_record(self) -> dict[str, object]:
        return {**asdict(self), "folder": str(self.folder)}

    def lines(self) -> list[str]:
        state = (
            "it is live" if self.live else f"midrib release {self.name} --version {self.version}"
        )
        told = f"{self.name} version {self.version} published in {self.folder}; {state}"
        return [told, *filter(None, [self.warning])]


@dataclass(frozen=True)
class Switched:
    """Which version is live now."""

    release: Release
    warning: str = ""

    def as_record(self) -> dict[str, object]:
        return {**self.release.as_record(), "warning": self.warning}

    def lines(self) -> list[str]:
        before = self.release.previous
        was = (
            "no version was live before" if before is None else f"version {before} was live before"
        )
        told = f"{self.release.name}: version {self.release.version} is live, {was}"
        return [told, *filter(None, [self.warning])]


@dataclass(frozen=True)
class ModelList:
    """Published names with their versions."""

    records: list[dict[str, object]]

    def as_record(self) -> dict[str, object]:
        return {"models": self.records}

    def lines(self) -> list[str]:
        if not self.records:
            return ["nothing is published yet; midrib train my-photos/ ends with a published model"]
        return [
            f"{'live' if record['live'] else '    '}  {record['name']} @{record['version']}  "
            f"{record['created']}  {record['location']}"
            for record in self.records
        ]


def publish(
    package: str | Path,
    *,
    name: str | None = None,
    release_now: bool = False,
    settings: Settings | None = None,
) -> Published:
    """Give a package the next version of its name.

    The same content is published once: publishing it again gives the version that it has.

    Args:
        package: a package's folder; it is verified first.
        name: the name to publish under; None takes the card's.
        release_now: make it live; the first version of a name is live in any case.
        settings: where packages and versions are kept.

    Raises:
        PackageError: the package is not whole.
        StateError: a database does not answer.
    """
    settings = settings or Settings()
    source = open_package(Path(package))
    verify_package(source)
    name = require_model_name(name or source.card.name)
    with Releases(settings.database()) as releases:
        version = _published_before(releases, settings, source, name)
        if version is None:
            version = _publish_new(releases, settings, source, name)
        live, warning = releases.live(name), ""
        if release_now or live is None:
            live = releases.release(name, version)
            warning = _mirror(settings, live)
    folder = settings.packages / name / str(version)
    return Published(name, version, folder, live=live.version == version, warning=warning)


def models(*, settings: Settings | None = None) -> ModelList:
    """All published versions and which are live."""
    settings = settings or Settings()
    with Releases(settings.database()) as releases:
        live = {name: releases.live(name) for name in releases.names()}
        records = []
        for version in releases.versions():
            standing = live[version.name]
            is_live = standing is not None and standing.version == version.version
            folder = settings.packages / version.location
            records.append({**version.as_record(), "location": str(folder), "live": is_live})
    return ModelList(records)


def release(name: str, version: int, *, settings: Settings | None = None) -> Switched:
    """Make ``version`` live. Raises ``UnknownNameError``."""
    settings = settings or Settings()
    with Releases(settings.database()) as releases:
        switched = releases.release(name, version)
    return Switched(switched, _mirror(settings, switched))


def rollback(name: str, *, settings: Settings | None = None) -> Switched:
    """Make the version live that was before. Raises ``UsageError`` when there is none."""
    settings = settings or Settings()
    with Releases(settings.database()) as releases:
        switched = releases.rollback(name)
    return Switched(switched, _mirror(settings, switched))


def _publish_new(releases: Releases, settings: Settings, source: Package, name: str) -> int:
    """Number, copy, record: killed in between, only an unused number is lost."""
    version = _next_number(releases, settings, source, name)
    target = settings.packages / name / str(version)
    card = source.card.model_copy(update={"name": name, "version": version})
    restamp_package(source, card, target)
    releases.publish(
        name,
        version,
        location=target.relative_to(settings.packages).as_posix(),
        manifest_sha256=file_sha256(target / MANIFEST),
        run=source.card.run,
        created=datetime.now(UTC),
    )
    return version


def _published_before(
    releases: Releases, settings: Settings, source: Package, name: str
) -> int | None:
    """The version of ``name`` that is a copy of ``source``, if it still stands."""
    if name not in releases.names():
        return None
    for version in releases.versions(name):
        if _is_copy(settings.packages / version.location, source):
            return version.version
    return None


def _is_copy(folder: Path, source: Package) -> bool:
    """Whether nothing but name and version differs; what is gone or broken is no copy."""
    try:
        copy = open_package(folder)
    except PackageError:
        return False
    given = {"name": source.card.name, "version": source.card.version}
    return copy.card.model_copy(update=given) == source.card and _files(copy) == _files(source)


def _files(package: Package) -> dict[str, str]:
    return {path: sha256 for path, sha256 in package.manifest.items() if path != CARD_FILE}


def _next_number(releases: Releases, settings: Settings, source: Package, name: str) -> int:
    """MLflow counts, for it may hold versions that we have never seen; without it we do."""
    runs, least = Runs(settings.tracking(), settings.runs), releases.next_version(name)
    version = 0
    try:
        while version < least:
            version = runs.register(name, source.card.run, source=str(settings.packages / name))
    except MissingExtraError:
        return least
    return version


def _mirror(settings: Settings, switched: Release) -> str:
    """Tell MLflow, which only mirrors: a failure is a warning, for the switch stands."""
    try:
        Runs(settings.tracking(), settings.runs).mirror_live(switched.name, switched.version)
    except (StateError, MissingExtraError) as problem:
        return f"the switch stands, but MLflow was not told: {problem}"
    return ""
