from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_SAVE_TOO_MUCH = """
import resource, sys
from pathlib import Path
import torch
from midrib.errors import StorageError
from midrib.training.checkpoints import CheckpointFolder, Progress
checkpoints = CheckpointFolder(Path(sys.argv[1]), "identity")
checkpoints.save(Progress(step=1), {"tensor": torch.zeros(9)})
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
try:
    checkpoints.save(Progress(step=2), {"tensor": torch.zeros(1 << 18)})
except StorageError as problem:
    print(problem)
"""


def test_a_checkpoint_that_does_not_fit_is_told_with_its_place(tmp_path: Path) -> None:
    """A full disk is told as for any other file; the checkpoint before stays the newest."""
    said = subprocess.run(
        [sys.executable, "-c", _SAVE_TOO_MUCH, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.startswith(f"the disk is full while writing {tmp_path / 'step-00000002'}; ")
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
