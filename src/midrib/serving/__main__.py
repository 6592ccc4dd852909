"""``python -m midrib.serving [--config FILE] TARGET...``: the server, without the command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from midrib.errors import MidribError
from midrib.printable import printable
from midrib.serving.config import ServeConfig
from midrib.serving.server import serve
from midrib.settings import Settings


def main() -> int:
    """Serve until stopped; an error is one line and the exit code of its kind."""
    parser = argparse.ArgumentParser(
        prog="python -m midrib.serving",
        description="Serve models over HTTP until SIGTERM or SIGINT.",
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--config", type=Path, metavar="FILE", help="options, as JSON or TOML")
    options = parser.parse_args()
    try:
        config = ServeConfig.load(options.config) if options.config else ServeConfig()
        serve(options.targets, config, Settings())
    except MidribError as problem:
        sys.stderr.write(f"error: {printable(str(problem))}\n")
        return problem.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
