"""Work for other processes to do, or to fail at."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any


def double(request: dict[str, Any]) -> dict[str, int]:
    sys.stdout.write("libraries may print what they like\n")
    return {"number": 2 * request["number"]}


def fail(request: dict[str, Any]) -> None:
    raise ValueError(f"no {request['number']} here\nand much more that nobody reads")


def wrap(_request: dict[str, Any]) -> None:
    try:
        fail({"number": 4})
    except ValueError as problem:
        raise RuntimeError("Failed. This is step 1 of 3. Next steps:") from problem


def die(_request: dict[str, Any]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait(_request: dict[str, Any]) -> None:
    signal.pause()
