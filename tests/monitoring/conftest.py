from __future__ import annotations

import pytest
from picture_stream import Stream


@pytest.fixture(scope="session")
def usual() -> Stream:
    """What the reference was made of."""
    return Stream.draw(600, seed=0)
