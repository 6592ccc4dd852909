"""Moves every picture of a folder to its quarantine and kills itself at a given moment."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from midrib.datasets.quarantine import carry_out, place_beside, plan_quarantine


def main(source: Path, at: int) -> None:
    """Die after ``at`` moves; 0 dies between the journal and the first move."""
    place = place_beside(source)
    moves, _ = plan_quarantine(place, "blurred", sorted(source.rglob("*.png")))

    def die(done: int, _: int) -> None:
        if done == at:
            os.kill(os.getpid(), signal.SIGKILL)

    if at == 0:
        # A seam: the folder of the kind cannot be made, which is noticed after the journal.
        (place.folder).mkdir()
        (place.folder / "blurred").write_text("in the way")
    carry_out(place, moves, die)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
