"""What midrib loads tells nobody of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from midrib.packages import Package

LOAD = """
import sys
from pathlib import Path
from midrib.engines import load_predictor
from midrib.packages import open_package

load_predictor(open_package(Path(sys.argv[1])), engine="onnxruntime")
"""
# By these ONNX Runtime knows that it is only being tested, and keeps silent of itself.
FLAGS = {"CI", "GITHUB_ACTIONS", "TF_BUILD", "ORT_RUNNING_UNIT_TESTS", "ORT_DISABLE_TELEMETRY"}


def test_a_loaded_model_leaves_no_trace_of_telemetry(colours: Package, tmp_path: Path) -> None:
    """ONNX Runtime keeps neither the identity of the device nor events that wait to be sent."""
    own = {name: value for name, value in os.environ.items() if name not in FLAGS}
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "MIDRIB_HOME": str(tmp_path)}
    command = [sys.executable, "-c", LOAD, str(colours.folder)]
    subprocess.run(command, env=own | home, check=True)
    assert list(tmp_path.rglob("*onnxruntime*")) == []
