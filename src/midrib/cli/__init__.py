"""The command line: one thin function a verb."""

from midrib.cli.main import main

__all__ = ["main"]
