"""Work for other processes to do, or to fail at."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from midrib.errors import UsageError
from midrib.work import ask


def double(request: dict[str, Any]) -> dict[str, int]:
    sys.stdout.write("libraries may print what they like\n")
    return {"number": 2 * request["number"]}


def told(request: dict[str, Any]) -> str:
    return os.environ[request["variable"]]


def fail(request: dict[str, Any]) -> None:
    raise ValueError(f"no {request['number']} here\nand much more that nobody reads")


def wrap(_request: dict[str, Any]) -> None:
    try:
        fail({"number": 4})
    except ValueError as problem:
        raise RuntimeError("Failed. This is step 1 of 3. Next steps:") from problem


def advise(_request: dict[str, Any]) -> None:
    raise UsageError("a 3 came", expected="a 4", todo="count again")


def swell(request: dict[str, Any]) -> int:
    return len(bytearray(request["bytes"]))


def die(_request: dict[str, Any]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave(_request: dict[str, Any]) -> None:
    sys.exit("off I go")


def wait(request: dict[str, Any]) -> None:
    Path(request["begun"]).write_text(str(os.getpid()))
    signal.pause()


def pass_on(request: dict[str, Any]) -> None:
    ask("base.work_to_do:wait", request, seconds=60)
