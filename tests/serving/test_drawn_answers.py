"""A client that accepts a picture gets its own back, with what was found drawn into it."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tiny_detector import SIDE, drawn_picture, encoded, make_tiny_detector

from midrib import pipeline
from midrib.errors import NotAcceptableError
from midrib.packages import Package
from midrib.preprocessing import decode
from midrib.serving import ServeConfig, ServerProcess
from midrib.serving.accepting import JSON, accepted_type
from midrib.serving.config import Limits
from midrib.settings import Settings
from midrib.tiling import Tiling

OBJECTS = [("red", (50, 20, 84, 50)), ("blue", (90, 70, 150, 110))]
HEIGHT, WIDTH = 130, 200
PREDICT = "/v1/models/blobs:predict"
PNG = {"Accept": "image/png"}


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Package:
    tiles = Tiling(size=SIDE, overlap=24)
    return make_tiny_detector(tmp_path_factory.mktemp("blobs") / "package", tiles=tiles)


@pytest.fixture(scope="module")
def asked(blobs: Package, package: Package, home: Settings) -> Iterator[httpx.Client]:
    """A server of a detector and a classifier that draws no more than 30,000 pixels."""
    limits = Limits(drawn_pixels=30_000)
    config = ServeConfig(port=0, engine="onnxruntime", linger_seconds=0.1, limits=limits)
    with (
        ServerProcess([blobs.folder, package.folder], config, home) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def picture() -> bytes:
    return encoded(drawn_picture(HEIGHT, WIDTH, OBJECTS))


def opened(response: httpx.Response) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(response.content)))


def test_the_picture_comes_back_as_the_command_draws_it(
    asked: httpx.Client, blobs: Package, picture: bytes, tmp_path: Path, home: Settings
) -> None:
    """PNG holds the very pixels of ``predict --draw``, and the answer's id is in a header."""
    response = asked.post(PREDICT, content=picture, headers=PNG)
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-midrib-prediction-id"]
    assert response.headers["x-request-id"]
    (tmp_path / "picture.png").write_bytes(picture)
    pipeline.predict(
        str(blobs.folder),
        [tmp_path / "picture.png"],
        engine="onnxruntime",
        draw=tmp_path / "drawn.png",
        settings=home,
    )
    drawn = decode((tmp_path / "drawn.png").read_bytes())
    np.testing.assert_array_equal(opened(response), drawn)
    assert (drawn != decode(picture)).any()


def test_a_turned_picture_comes_back_upright(asked: httpx.Client, picture: bytes) -> None:
    """With an EXIF orientation the drawn picture is the upright one's."""
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.fromarray(decode(picture)).transpose(Image.Transpose.ROTATE_90)
    turned = encoded(np.asarray(stored), exif=exif)
    plain, upright = (asked.post(PREDICT, content=each, headers=PNG) for each in (picture, turned))
    np.testing.assert_array_equal(opened(upright), opened(plain))


def test_jpeg_is_sent_to_who_wants_it(asked: httpx.Client, picture: bytes) -> None:
    """Of several types the one with the highest weight is sent."""
    accept = "image/png;q=0.5, image/jpeg, application/json;q=0.1"
    response = asked.post(PREDICT, content=picture, headers={"Accept": accept})
    assert response.headers["content-type"] == "image/jpeg"
    assert opened(response).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "text/html, */*;q=0.1"])
def test_json_is_what_everyone_else_gets(
    asked: httpx.Client, picture: bytes, accept: str | None
) -> None:
    """Whoever does not ask for a picture gets JSON."""
    headers = {} if accept is None else {"Accept": accept}
    answer = asked.post(PREDICT, content=picture, headers=headers).json()
    found = sorted(
        (each["label"], tuple(each["box"])) for each in answer["predictions"][0]["objects"]
    )
    assert found == sorted(OBJECTS)


@pytest.mark.parametrize(
    ("model", "accept", "offered"),
    [
        ("blobs", "text/csv", "one of: application/json, image/png, image/jpeg"),
        ("blobs", "application/json;q=0, image/webp", "image/png"),
        ("colours", "image/png", "one of: application/json"),
    ],
)
def test_a_type_that_there_is_not_is_refused(
    asked: httpx.Client, picture: bytes, model: str, accept: str, offered: str
) -> None:
    """406 names the types that the model has; a classifier draws nothing."""
    response = asked.post(
        f"/v1/models/{model}:predict", content=picture, headers={"Accept": accept}
    )
    assert response.status_code == 406
    problem = response.json()
    assert problem["error"] == "NotAcceptableError"
    assert offered in problem["expected"]


def test_what_cannot_be_drawn_is_refused_first(asked: httpx.Client, picture: bytes) -> None:
    """Two pictures, too many pixels and what is no picture are errors in JSON, as ever."""
    two = {"files": [("p", ("a.png", picture)), ("p", ("b.png", picture))]}
    several = asked.post(PREDICT, headers=PNG, **two)
    assert several.status_code == 400
    assert several.json()["expected"] == "one picture a request"
    large = encoded(drawn_picture(200, 200, []))
    assert asked.post(PREDICT, content=large).status_code == 200
    refused = asked.post(PREDICT, content=large, headers=PNG)
    assert refused.status_code == 413
    assert "30,000" in refused.json()["expected"]
    assert asked.post(PREDICT, content=b"text", headers=PNG).status_code == 415


@given(st.text(max_size=60))
def test_no_header_breaks_the_choice(accept: str) -> None:
    """Whatever a client sends, a type is chosen that there is, or the refusal names them."""
    offered = {JSON, "image/png", "image/jpeg"}
    try:
        chosen = {accepted_type(accept, "detection")}
    except NotAcceptableError as refusal:
        chosen = set(refusal.expected.removeprefix("one of: ").split(", "))
    assert chosen <= offered


def test_drawing_loads_no_lab() -> None:
    """A fresh interpreter that draws an answer has loaded neither torch nor matplotlib."""
    code = """
import sys
import numpy as np
from midrib.datasets.drawing import draw_answer
from midrib.records import Detections
from PIL import Image
import io
stream = io.BytesIO()
Image.new("RGB", (60, 40)).save(stream, "PNG")
found = Detections(np.array([[5, 5, 30, 30]], np.float32), ("a",), np.ones(1, np.float32), None)
assert draw_answer(stream.getvalue(), found)
print({"torch", "matplotlib", "timm"} & set(sys.modules))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"
