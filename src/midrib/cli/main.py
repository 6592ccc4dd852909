"""Entry of the command ``midrib``: runs a verb, turns every error into one line."""

from __future__ import annotations

import os
import sys
import traceback

from midrib.cli.app import app
from midrib.cli.console import discard_stdout
from midrib.errors import MidribError, UsageError
from midrib.printable import printable, printable_json


def main() -> None:
    """Run the command line and exit with the code of what happened."""
    # Threads of OpenMP that wait by spinning train 5 % faster alone, but several times slower as
    # soon as anything else wants a core.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        # typer's own handling would print boxes; in this mode it raises, or gives the exit code.
        sys.exit(app(prog_name="midrib", standalone_mode=False))
    except BrokenPipeError:
        discard_stdout()  # whoever read it has gone
        sys.exit(1)
    except MidribError as problem:
        sys.exit(_tell(problem))
    except Exception as problem:  # noqa: BLE001 - a user never sees a stack trace
        # Calls that typer could not parse tell so by a method that only they have.
        message = getattr(problem, "format_message", None)
        if message is None:
            sys.exit(_tell(_unexpected(problem)))
        context = getattr(problem, "ctx", None)
        if context and message() == context.get_help():  # a group without a verb
            sys.stderr.write(f"{message()}\n")
            sys.exit(UsageError.exit_code)
        typed = context.command_path if context else "midrib"
        sys.exit(_tell(UsageError(message().strip().rstrip("."), todo=f"see {typed} --help")))


def _tell(problem: MidribError) -> int:
    if "--json" in sys.argv:
        sys.stdout.write(printable_json(problem.as_record()) + "\n")
    sys.stderr.write(f"midrib: {printable(str(problem))}\n")
    return problem.exit_code


def _unexpected(problem: Exception) -> MidribError:
    from midrib.extras import missing_extra
    from midrib.settings import Settings
    from midrib.storage import write_text

    if isinstance(problem, ModuleNotFoundError):
        lacking = missing_extra("this command", problem)
        if lacking is not None:
            return lacking
    told = f"{type(problem).__name__}: {problem}"
    try:
        trace = Settings().folder / "crash.txt"
        write_text(trace, "".join(traceback.format_exception(problem)))
    except MidribError as unwritten:
        return MidribError(told, todo=f"this is a fault of midrib; its trace is lost: {unwritten}")
    return MidribError(
        told,
        expected="no such thing",
        todo=f"this is a fault of midrib; please report it with {trace}",
    )
