"""The plain alternative: FastAPI, Pillow and ONNX Runtime, by their documented patterns.

The endpoint is a ``def``, which FastAPI runs in its thread pool, so that decoding and inference
leave the event loop alone; the session is ONNX Runtime's default one. Run by uvicorn.
"""

from __future__ import annotations

import io
import os
from typing import Annotated

import numpy as np
import onnxruntime
from fastapi import Depends, FastAPI, Request
from PIL import Image

from midrib.packages.card import ANSWER_OUTPUT, PICTURES_INPUT

MODEL = "BENCHMARK_MODEL"
"""Environment variable: the ONNX file."""

SIDE = "BENCHMARK_SIDE"
"""Environment variable: height and width of its input, in pixels."""

LABELS = "BENCHMARK_LABELS"
"""Environment variable: class names in the order of the answer, with commas."""

_CROP_RATIO = 0.875


def create_app() -> FastAPI:
    """The application, for ``uvicorn --factory``."""
    app = FastAPI()
    session = onnxruntime.InferenceSession(os.environ[MODEL], providers=["CPUExecutionProvider"])
    side, labels = int(os.environ[SIDE]), os.environ[LABELS].split(",")

    @app.post("/predict")
    def predict(data: Annotated[bytes, Depends(_received)]) -> dict[str, object]:
        picture = _fitted(Image.open(io.BytesIO(data)).convert("RGB"), side)
        [answer] = session.run([ANSWER_OUTPUT], {PICTURES_INPUT: picture[np.newaxis]})[0]
        best = int(answer.argmax())
        return {
            "label": labels[best],
            "score": float(answer[best]),
            "scores": dict(zip(labels, map(float, answer), strict=True)),
        }

    return app


async def _received(request: Request) -> bytes:
    return await request.body()


def _fitted(
    picture: Image.Image, side: int
) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """Resize the shorter side, then crop the centre, as torchvision's examples do."""
    scale = round(side / _CROP_RATIO) / min(picture.size)
    size = round(picture.width * scale), round(picture.height * scale)
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return np.asarray(picture.crop((left, top, left + side, top + side)))
