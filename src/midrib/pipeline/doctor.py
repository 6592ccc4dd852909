"""What is installed here, what is not, and what to do about it."""

from __future__ import annotations

import platform
import shutil
from dataclasses import asdict, dataclass
from importlib.metadata import version

from midrib.engines import ENGINES
from midrib.errors import MidribError
from midrib.extras import EXTRAS, missing_modules
from midrib.machine import machine_name
from midrib.settings import Settings

_LITTLE_SPACE_GB = 5


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``todo`` is empty when all is well."""

    what: str
    state: str
    todo: str = ""


@dataclass(frozen=True)
class Checkup:
    """All findings."""

    findings: list[Finding]

    def as_record(self) -> dict[str, object]:
        return {"findings": [asdict(finding) for finding in self.findings]}

    def lines(self) -> list[str]:
        return [
            f"{finding.what:<12} {finding.state}" + (f"  ▸ {finding.todo}" if finding.todo else "")
            for finding in self.findings
        ]


def doctor(*, settings: Settings | None = None) -> Checkup:
    """Look at Python, machine, places, extras, engines, devices and databases."""
    settings = settings or Settings()
    return Checkup(
        [
            Finding("midrib", version("midrib")),
            Finding("python", platform.python_version()),
            Finding("machine", machine_name()),
            _home(settings),
            *(_extra(name) for name in EXTRAS),
            *(_engine(name) for name in ENGINES),
            _device(),
            _database(settings),
        ]
    )


def _home(settings: Settings) -> Finding:
    place = settings.folder
    existing = next(parent for parent in (place, *place.parents) if parent.exists())
    free_gb = shutil.disk_usage(existing).free / 1e9
    todo = "" if free_gb > _LITTLE_SPACE_GB else "free some space, or set MIDRIB_HOME"
    return Finding("home", f"{place}, {free_gb:.0f} GB free", todo)


def _extra(name: str) -> Finding:
    missing = missing_modules(name)
    if not missing:
        return Finding(f"[{name}]", "installed")
    return Finding(f"[{name}]", f"without {', '.join(missing)}", f"pip install 'midrib[{name}]'")


def _engine(name: str) -> Finding:
    engine = ENGINES.get(name)
    if not engine.is_installed():
        return Finding(name, "not installed", f"pip install 'midrib[{engine.extra}]'")
    return Finding(name, engine.version())


def _device() -> Finding:
    try:
        from midrib.training import resolve_device, resolve_precision
    except ImportError:
        return Finding("training", "not here: the lab is not installed")
    device = resolve_device("auto")
    return Finding("training", f"on {device}, precision {resolve_precision('auto', device)}")


def _database(settings: Settings) -> Finding:
    try:
        from midrib.state import Releases

        with Releases(settings.database()) as releases:
            return Finding("releases", f"{len(releases.names())} published names")
    except MidribError as problem:
        return Finding("releases", problem.came, problem.todo)
