"""What all rooms' tests share."""

from __future__ import annotations

import os

from hypothesis import settings

# The models of these tests are tiny: more threads only wait for each other, and on a busy machine
# they wait long. Processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is slow, not wrong.
settings.register_profile("midrib", deadline=None, max_examples=60)
settings.load_profile("midrib")
