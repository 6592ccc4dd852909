"""A real server process, asked over real HTTP."""

from __future__ import annotations

import io
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image
from tiny_package import make_tiny_package

from midrib.engines import Predictor, load_predictor
from midrib.packages import Package
from midrib.serving import ServeConfig, ServerProcess
from midrib.settings import Settings


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return make_tiny_package(tmp_path_factory.mktemp("packages") / "colours", version=3)


@pytest.fixture(scope="session")
def predictor(package: Package) -> Predictor:
    """The same package, asked without a server."""
    return load_predictor(package, engine="onnxruntime")


@pytest.fixture(scope="session")
def config() -> ServeConfig:
    """Any free port, one engine so that nothing is measured, and no lingering when it stops."""
    return ServeConfig(port=0, engine="onnxruntime", linger_seconds=0.1)


@pytest.fixture(scope="session")
def server(package: Package, config: ServeConfig, home: Settings) -> Iterator[ServerProcess]:
    """A server for tests that leave it as it was."""
    with ServerProcess([package.folder], config, home) as running:
        yield running


@pytest.fixture
def client(server: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A real photo of 640 × 427 as a camera writes it."""
    stream = io.BytesIO()
    Image.fromarray(load_sample_image("china.jpg")).save(stream, "JPEG", quality=90)
    return stream.getvalue()


@pytest.fixture(scope="session")
def slow_picture() -> bytes:
    """A small file of many pixels: a decoder is busy with it for a while."""
    stream = io.BytesIO()
    Image.new("RGB", (7000, 7000)).save(stream, "PNG", compress_level=1)
    return stream.getvalue()
