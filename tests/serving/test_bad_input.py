from __future__ import annotations

import struct
import zlib

import httpx
import pytest
from tiny_package import picture_bytes

PREDICT = "/v1/models/colours:predict"


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that promises ``width`` × ``height`` pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0"))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"", 415, "NotAPictureError"),
        (b"just some text in a file called photo.jpg", 415, "NotAPictureError"),
        (picture_bytes("red", form="JPEG", size=256)[:-3000], 422, "PictureError"),
        (picture_bytes("red", size=256)[:5000], 422, "PictureError"),
        (bomb(65_535, 65_535), 413, "PictureTooLargeError"),
        (bomb(60_000, 2), 413, "PictureTooLargeError"),
    ],
    ids=["empty", "text", "cut JPEG", "cut PNG", "bomb", "strip"],
)
def test_refuses_what_is_no_good_picture(
    client: httpx.Client, body: bytes, status: int, error: str
) -> None:
    """Each kind of bad picture gets its own status and an error in three clauses."""
    response = client.post(PREDICT, content=body)
    assert response.status_code == status
    record = response.json()
    assert record["error"] == error
    assert record["came"]
    assert record["expected"]
    assert record["request_id"] == response.headers["X-Request-Id"]


def test_names_the_models_there_are(client: httpx.Client, photo: bytes) -> None:
    """An unknown model is 404, with the names that would have been right."""
    for response in (
        client.post("/v1/models/colors:predict", content=photo),
        client.get("/v1/models/colors"),
    ):
        assert response.status_code == 404
        assert "colours" in response.json()["expected"]
        assert "did you mean 'colours'?" in response.json()["todo"]


@pytest.mark.parametrize("path", ["/", "/v1/models/../../etc/passwd:predict", "/v1/models/a/b"])
def test_answers_unknown_routes_as_json(client: httpx.Client, path: str) -> None:
    """What no route answers is 404, as JSON with the request id."""
    response = client.get(path)
    assert response.status_code == 404
    assert response.json()["request_id"]


def test_tells_the_method(client: httpx.Client) -> None:
    """GET on a prediction is 405 and names POST."""
    response = client.get(PREDICT)
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    assert response.json()["expected"] == "the method POST"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nno name\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b"--b--\r\n"),
        ("multipart/form-data; boundary=b", b"not multipart"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="top_k"\r\n\r\n3\r\n--b--\r\n',
        ),
    ],
    ids=["no boundary", "no name", "nothing", "no parts", "a field"],
)
def test_refuses_malformed_multipart(client: httpx.Client, content_type: str, body: bytes) -> None:
    """A multipart body that cannot be meant is 400 and says how pictures are sent."""
    response = client.post(PREDICT, content=body, headers={"Content-Type": content_type})
    assert response.status_code == 400
    assert "curl -F" in response.json()["todo"]


def test_refuses_too_many_pictures(client: httpx.Client) -> None:
    """A request with more pictures than allowed is refused as a whole."""
    files = [("picture", (f"{number}.png", picture_bytes("red", size=8))) for number in range(33)]
    response = client.post(PREDICT, files=files)
    assert response.status_code == 400
    assert "32" in response.json()["expected"]


def test_goes_on_after_bad_requests(client: httpx.Client, photo: bytes) -> None:
    """The connection and the server are healthy after bad requests."""
    for body in (b"", b"text", bomb(65_535, 65_535)) * 5:
        assert client.post(PREDICT, content=body).status_code in {413, 415}
    assert client.post(PREDICT, content=photo).status_code == 200
