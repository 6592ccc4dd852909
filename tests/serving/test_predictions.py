from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from PIL import Image
from server_probe import metric
from sklearn.datasets import load_sample_image
from tiny_package import picture_bytes

from midrib.engines import Predictor
from midrib.serving import ServerProcess

PREDICT = "/v1/models/colours:predict"


def test_answers_one_picture_as_the_predictor_does(
    client: httpx.Client, predictor: Predictor, photo: bytes
) -> None:
    """A body that is one picture gets the answer that the predictor gives in process."""
    response = client.post(PREDICT, content=photo, headers={"Content-Type": "image/jpeg"})
    assert response.status_code == 200
    body = response.json()
    assert (body["model"], body["version"]) == ("colours", 3)
    [answer] = body["predictions"]
    assert answer.pop("id")
    assert answer == predictor.predict([photo])[0].as_record()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_takes_every_format(client: httpx.Client, form: str) -> None:
    """JPEG, PNG, WebP, BMP and TIFF are answered, whatever the content type says."""
    response = client.post(PREDICT, content=picture_bytes("green", form=form))
    assert response.status_code == 200
    assert response.json()["predictions"][0]["label"] == "green"


def test_answers_several_pictures_by_name(client: httpx.Client) -> None:
    """In a multipart body each picture gets its own answer or its own error."""
    files = [
        ("picture", ("first.png", picture_bytes("red"))),
        ("picture", ("notes.jpg", b"no picture at all")),
        ("picture", ("third.jpg", picture_bytes("blue", form="JPEG"))),
    ]
    response = client.post(PREDICT, files=files)
    assert response.status_code == 200
    first, second, third = response.json()["predictions"]
    assert (first["file"], first["label"]) == ("first.png", "red")
    assert (second["file"], second["status"]) == ("notes.jpg", 415)
    assert second["error"] == "NotAPictureError"
    assert (third["file"], third["label"]) == ("third.jpg", "blue")
    assert len({answer["id"] for answer in (first, second, third)}) == 3


def test_takes_large_parts_without_touching_the_disk(client: httpx.Client) -> None:
    """A multipart picture of several megabytes is answered like a small one."""
    stream = io.BytesIO()
    Image.fromarray(
        np.random.default_rng(0).integers(0, 256, (1200, 1200, 3), dtype=np.uint8)
    ).save(stream, "BMP")
    assert len(stream.getvalue()) > 4_000_000
    response = client.post(PREDICT, files={"picture": ("large.bmp", stream.getvalue())})
    assert response.json()["predictions"][0]["label"] in {"red", "green", "blue"}


def test_one_multipart_picture_that_fails_is_an_error(client: httpx.Client) -> None:
    """A request none of whose pictures could be answered has the status of the first error."""
    response = client.post(PREDICT, files={"picture": ("a.jpg", b"text")})
    assert response.status_code == 415
    assert response.json()["error"] == "NotAPictureError"


def test_never_mixes_answers(server: ServerProcess, predictor: Predictor) -> None:
    """Clients that ask at once about different pictures each get the answer to their own."""
    photo = Image.fromarray(load_sample_image("flower.jpg"))
    random = np.random.default_rng(0)

    def cutting() -> bytes:
        left, top = random.integers(0, 400), random.integers(0, 200)
        stream = io.BytesIO()
        photo.crop((left, top, left + 120, top + 100)).save(stream, "PNG")
        return stream.getvalue()

    pictures = [cutting() for _ in range(120)]
    expected = [prediction.as_record() for prediction in predictor.predict(pictures)]
    assert len({str(wanted["scores"]) for wanted in expected}) > 100

    def ask(pictures: list[bytes]) -> list[dict[str, object]]:
        with httpx.Client(base_url=server.url, timeout=30) as client:
            return [
                client.post(PREDICT, content=data).json()["predictions"][0] for data in pictures
            ]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, [pictures[start::8] for start in range(8)]))
    for start, answered in enumerate(answers):
        for answer, wanted in zip(answered, expected[start::8], strict=True):
            assert answer["label"] == wanted["label"]
            assert answer["scores"] == pytest.approx(wanted["scores"], abs=1e-5)


def test_tells_the_version_and_the_request_id(client: httpx.Client, photo: bytes) -> None:
    """A sane request id is taken over, any other is replaced; the version stands beside it."""
    given = client.post(PREDICT, content=photo, headers={"X-Request-Id": "camera-7:0042"})
    assert given.headers["X-Request-Id"] == "camera-7:0042"
    assert given.headers["X-Midrib-Model-Version"] == "3"
    for odd in ("a b", "x" * 200, "<script>"):
        made = client.post(PREDICT, content=photo, headers={"X-Request-Id": odd})
        assert made.headers["X-Request-Id"] not in {"", odd}


def test_shows_what_is_served(client: httpx.Client) -> None:
    """The list names each model; the card says how the model answers, in which engine and why."""
    [summary] = client.get("/v1/models").json()["models"]
    assert (summary["name"], summary["version"]) == ("colours", 3)
    card = client.get("/v1/models/colours").json()
    assert card["card"]["labels"] == ["blue", "green", "red"]
    assert card["engine"]["engine"] == "onnxruntime"
    assert card["engine"]["reason"]
    assert card["problem"] is None


def test_tells_that_it_lives_and_is_ready(client: httpx.Client, server: ServerProcess) -> None:
    """Both health routes answer; the ready message names address, model, version and engine."""
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 200
    [ready] = server.events("ready")
    assert ready["url"] == server.url
    [model] = ready["models"]
    assert (model["name"], model["version"]) == ("colours", 3)
    assert model["engine"] == "onnxruntime"
    assert model["why"]


def test_counts_and_times(client: httpx.Client, photo: bytes) -> None:
    """The metrics count requests by code and time each picture's steps."""
    answered = 'midrib_requests_total{code="200",model="colours"}'
    before = metric(client, answered), metric(client, 'midrib_infer_seconds_count{model="colours"}')
    client.post(PREDICT, content=photo)
    after = metric(client, answered), metric(client, 'midrib_infer_seconds_count{model="colours"}')
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)
    assert metric(client, 'midrib_live_version{model="colours"}') == 3
