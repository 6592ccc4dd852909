"""The demonstration as a newcomer runs it: minutes long, so it runs with make soak."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

DEMO = [sys.executable, "-c", "from midrib.cli import main; main()", "demo", "cells", "--json"]


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_demo_goes_on_after_interrupts_and_reaches_its_goal(tmp_path: Path) -> None:
    """Interrupted again and again the demo goes on, reaches 0.90 as served, then reuses all."""
    environment = {**os.environ, "MIDRIB_HOME": str(tmp_path / "home")}
    for seconds in (1, 8, 20, 45):
        process = subprocess.Popen(
            DEMO, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=120)
        assert process.returncode == 130, error
        assert "Traceback" not in error
    first = subprocess.run(DEMO, env=environment, capture_output=True, text=True, check=True)
    found = json.loads(first.stdout)
    assert found["roc_auc"]["value"] >= 0.90
    assert [round_["version"] for round_ in found["asked"]] == [1, 2, 1]
    assert Path(found["report"]).stat().st_size > 100_000

    second = subprocess.run(DEMO, env=environment, capture_output=True, text=True, check=True)
    again = json.loads(second.stdout)
    assert again["roc_auc"] == found["roc_auc"]
    assert "train      unchanged, reused" in second.stderr
    assert "export     unchanged, reused" in second.stderr
