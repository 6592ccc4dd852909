"""The demonstrations as a newcomer runs them: minutes long, so they run with make soak."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

MIDRIB = [sys.executable, "-c", "from midrib.cli import main; main()"]


def interrupted(command: list[str], environment: dict[str, str], *after_seconds: int) -> None:
    """Begin again and again, and press Ctrl-C: each time the command ends in good order."""
    for seconds in after_seconds:
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=120)
        assert process.returncode == 130, error
        assert "Traceback" not in error


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_demo_goes_on_after_interrupts_and_reaches_its_goal(tmp_path: Path) -> None:
    """Interrupted again and again the demo goes on, reaches 0.90 as served, then reuses all."""
    environment = {**os.environ, "MIDRIB_HOME": str(tmp_path / "home")}
    demo = [*MIDRIB, "demo", "cells", "--json"]
    interrupted(demo, environment, 1, 8, 20, 45)
    first = subprocess.run(demo, env=environment, capture_output=True, text=True, check=True)
    found = json.loads(first.stdout)
    assert found["roc_auc"]["value"] >= 0.90
    assert [round_["version"] for round_ in found["asked"]] == [1, 2, 1]
    assert Path(found["report"]).stat().st_size > 100_000

    second = subprocess.run(demo, env=environment, capture_output=True, text=True, check=True)
    again = json.loads(second.stdout)
    assert again["roc_auc"] == found["roc_auc"]
    assert "train      unchanged, reused" in second.stderr
    assert "export     unchanged, reused" in second.stderr


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_trees_are_found_on_the_held_out_strips(tmp_path: Path) -> None:
    """Interrupted, the demo goes on, reaches AP50 of 0.25 as served and tells of other sites."""
    environment = {**os.environ, "MIDRIB_HOME": str(tmp_path / "home")}
    demo = [*MIDRIB, "demo", "trees", "--json"]
    interrupted(demo, environment, 2, 25, 60)
    first = subprocess.run(demo, env=environment, capture_output=True, text=True, check=True)
    found = json.loads(first.stdout)
    assert found["ap50"]["value"] >= 0.25
    assert 0 < found["ap50_other_sites"]["value"] < found["ap50"]["value"]
    assert found["asked"]["labels"]["tree"] > 0
    with Image.open(found["drawn"]) as drawn:
        assert drawn.size == (400, 400)
    assert Path(found["report"]).stat().st_size > 100_000

    second = subprocess.run(demo, env=environment, capture_output=True, text=True, check=True)
    again = json.loads(second.stdout)
    assert again["ap50"] == found["ap50"]
    assert again["ap50_other_sites"] == found["ap50_other_sites"]
    assert "train      unchanged, reused" in second.stderr
    assert "export     unchanged, reused" in second.stderr


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_nuclei_are_told_on_the_held_out_strip_and_elsewhere(tmp_path: Path) -> None:
    """Interrupted, the demo goes on, reaches IoU of 0.83 as served and 0.78 on another source."""
    environment = {**os.environ, "MIDRIB_HOME": str(tmp_path / "home")}
    demo = [*MIDRIB, "demo", "nuclei", "--json"]
    interrupted(demo, environment, 2, 25, 60)
    first = subprocess.run(demo, env=environment, capture_output=True, text=True, check=True)
    found = json.loads(first.stdout)
    assert found["held_out"]["iou"]["value"] >= 0.83
    assert found["other_source"]["iou"]["value"] >= 0.78
    assert 0 < found["held_out"]["instances"]["pq"]["value"] < 1
    assert found["asked"]["labels"] == {"nucleus": 4}
    for drawn in ("drawn", "drawn_instances"):
        with Image.open(found[drawn]) as picture:
            assert picture.size == (256, 256)
    assert Path(found["report"]).stat().st_size > 100_000

    second = subprocess.run(demo, env=environment, capture_output=True, text=True, check=True)
    again = json.loads(second.stdout)
    for figure in ("held_out", "other_source"):
        assert again[figure] == found[figure]
    assert "train      unchanged, reused" in second.stderr
    assert "export     unchanged, reused" in second.stderr
