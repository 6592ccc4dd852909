"""A run that is killed and resumed gives the weights of one that never stopped, bit for bit."""

from __future__ import annotations

import json
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

SCRIPT = Path(__file__).parent / "resumable_run.py"
STEPS = 18


def start(pictures: Path, run: Path, workers: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(SCRIPT), str(pictures), str(run), str(workers)]
    return subprocess.Popen(command)


def steps_written(run: Path) -> int:
    file = run / "metrics.jsonl"
    if not file.is_file():
        return 0
    rows = file.read_text().splitlines()
    return max((json.loads(row)["step"] for row in rows if row.endswith("}")), default=0)


def kill_at_step(process: subprocess.Popen[bytes], run: Path, step: int) -> None:
    until = time.monotonic() + 120
    while steps_written(run) < step:
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < until, "the run does not get on"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()


def final_state(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "checkpoints" / f"step-{STEPS:08d}" / "tensors.safetensors")


@pytest.mark.parametrize(("workers", "times"), [(0, 3), pytest.param(2, 1, marks=pytest.mark.soak)])
def test_killed_and_resumed_is_bit_for_bit_the_same(
    digit_pictures: Path, tmp_path: Path, workers: int, times: int
) -> None:
    """SIGKILL at random steps changes no bit of weights, average, optimizer or randomness."""
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    assert start(digit_pictures, straight, workers).wait() == 0

    seed = random.randrange(10_000)
    kills = sorted(random.Random(seed).sample(range(2, STEPS - 1), times))
    for step in kills:
        kill_at_step(start(digit_pictures, broken, workers), broken, step)
    assert start(digit_pictures, broken, workers).wait() == 0

    expected, found = final_state(straight), final_state(broken)
    assert expected.keys() == found.keys()
    differing = [name for name in expected if not torch.equal(expected[name], found[name])]
    assert not differing, f"killed at {kills}: {differing[:5]}"
    best = [load_file(run / "best.safetensors") for run in (straight, broken)]
    assert all(torch.equal(best[0][name], best[1][name]) for name in best[0])


def test_interrupt_writes_a_checkpoint_at_the_very_step(
    digit_pictures: Path, tmp_path: Path
) -> None:
    """SIGINT ends the step, keeps it in a checkpoint and says that the same command goes on."""
    run = tmp_path / "run"
    command = [sys.executable, str(SCRIPT), str(digit_pictures), str(run), "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while steps_written(run) < 4:
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)

    assert "the same command goes on from there" in error
    newest = max((run / "checkpoints").iterdir())
    assert int(newest.name.removeprefix("step-")) == steps_written(run)


@pytest.mark.soak
def test_full_disk_keeps_the_last_whole_checkpoint(digit_pictures: Path, tmp_path: Path) -> None:
    """A checkpoint that does not fit on the disk is told in one line; the run goes on later."""
    run = tmp_path / "run"
    kill_at_step(start(digit_pictures, run, 0), run, 7)
    command = [sys.executable, str(SCRIPT), str(digit_pictures), str(run), "0"]
    limit = (4 << 20, 4 << 20)  # bytes of one file, less than any checkpoint
    full = subprocess.run(
        command,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    assert full.returncode != 0
    assert "StorageError" in full.stderr
    assert "nothing was left half-written" in full.stderr
    for checkpoint in (run / "checkpoints").iterdir():
        assert load_file(checkpoint / "tensors.safetensors")
    assert start(digit_pictures, run, 0).wait() == 0
    assert steps_written(run) == STEPS
