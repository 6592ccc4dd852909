from __future__ import annotations

import io

import numpy as np
import pytest
from encoded import scene
from PIL import Image
from sklearn.datasets import load_sample_image

from midrib.records import Pixels


@pytest.fixture(scope="session")
def small() -> Pixels:
    """A scene of 48 × 64 pixels."""
    return scene(48, 64)


@pytest.fixture(scope="session")
def photograph() -> Pixels:
    """A photograph of 427 × 640 pixels."""
    return np.asarray(load_sample_image("china.jpg"))


@pytest.fixture(scope="session")
def large_jpeg(photograph: Pixels) -> bytes:
    """The photograph as a JPEG of 1281 × 1920 pixels."""
    stream = io.BytesIO()
    Image.fromarray(photograph).resize((1920, 1281), Image.Resampling.BICUBIC).save(
        stream, "JPEG", quality=90
    )
    return stream.getvalue()
