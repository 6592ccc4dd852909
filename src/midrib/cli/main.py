"""Entry of the command ``midrib``: runs a verb, turns every error into one line."""

from __future__ import annotations

import json
import os
import sys
import traceback

from midrib.cli.app import app
from midrib.errors import MidribError


def main() -> None:
    """Run the command line and exit with the code of what happened."""
    # Read by libraries at import: telemetry is nobody's business.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        app(prog_name="midrib")
    except BrokenPipeError:
        # Whoever read the output has gone; Python would complain again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except MidribError as problem:
        sys.exit(_tell(problem))
    except Exception as problem:  # noqa: BLE001 - a user never sees a stack trace
        sys.exit(_tell(_unexpected(problem)))


def _tell(problem: MidribError) -> int:
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps(problem.as_record(), ensure_ascii=False) + "\n")
    sys.stderr.write(f"midrib: {problem}\n")
    return problem.exit_code


def _unexpected(problem: Exception) -> MidribError:
    from midrib.settings import Settings
    from midrib.storage import write_text

    trace = Settings().folder / "crash.txt"
    write_text(trace, "".join(traceback.format_exception(problem)))
    return MidribError(
        f"{type(problem).__name__}: {problem}",
        expected="no such thing",
        todo=f"this is a fault of midrib; please report it with {trace}",
    )
