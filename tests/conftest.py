"""What all rooms' tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from warm_start import WarmStart

# The models of these tests are tiny: more threads only wait for each other, and on a busy machine
# they wait long. Processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is slow, not wrong. What passes once passes again: only make soak draws anew.
settings.register_profile("midrib", deadline=None, max_examples=60, derandomize=True)
settings.register_profile("soak", deadline=None, max_examples=60)
settings.load_profile("midrib")

LONGEST = "test_docs.py"


def pytest_configure(config: pytest.Config) -> None:
    """Draw other examples where there is time for it."""
    if config.getoption("markexpr") == "soak":
        settings.load_profile("soak")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the file that takes longest: at the end all workers but one would wait for it."""
    items.sort(key=lambda item: item.path.name != LONGEST)


@pytest.fixture(scope="session")
def warm_start() -> Iterator[WarmStart]:
    """Starts the command without loading torch again."""
    starting = WarmStart()
    yield starting
    starting.close()
