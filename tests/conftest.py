"""What all rooms' tests share."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is slow, not wrong.
settings.register_profile("midrib", deadline=None, max_examples=60)
settings.load_profile("midrib")
