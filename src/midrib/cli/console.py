"""What a verb shows: lines for people on the terminal, JSON for programs, bars on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Protocol

import typer

from midrib.errors import StorageError
from midrib.printable import printable, printable_json
from midrib.reporting import Advance, Reporter

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]


class Result(Protocol):
    """What every verb returns."""

    def as_record(self) -> dict[str, object]:
        """The result as JSON-ready fields."""

    def lines(self) -> list[str]:
        """The result for people."""


def show(result: Result, *, as_json: bool) -> None:
    """Print a result on stdout. Raises ``StorageError`` when that takes nothing."""
    if as_json:
        lines = [printable_json(result.as_record())]
    else:
        lines = [printable(line) for line in result.lines()]
    try:
        sys.stdout.writelines(f"{line}\n" for line in lines)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as problem:
        discard_stdout()
        raise StorageError(
            f"the result cannot be printed: {problem.strerror}",
            expected="a terminal, pipe or file that takes it",
            todo="print it elsewhere; what the command did stands",
        ) from None


def discard_stdout() -> None:
    """Print nothing more: Python would complain once again when it closes stdout."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class ConsoleReporter(Reporter):
    """Tells on stderr, so that stdout holds nothing but the result."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        self._console.print(printable(text), markup=False)

    @contextmanager
    def bar(self, title: str) -> Iterator[Advance]:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        name = TextColumn("{task.description:<20}", markup=False)
        columns = (name, BarColumn(24), MofNCompleteColumn())
        detail = TextColumn("{task.fields[detail]}", markup=False)
        with Progress(*columns, TimeRemainingColumn(), detail, console=self._console) as progress:
            task = progress.add_task(printable(title), total=None, detail="")

            def advance(done: int, total: int, text: str) -> None:
                progress.update(task, completed=done, total=total, detail=printable(text))

            yield advance
