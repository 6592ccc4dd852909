"""Drawn answers: a picture back instead of JSON, bounded in pixels and in how many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.responses import Response

from midrib.errors import MalformedRequestError, MidribError, NotAcceptableError
from midrib.machine import usable_cores
from midrib.preprocessing import DecodeLimits, upright_size
from midrib.records import Detections, Prediction, Segmentation
from midrib.serving.accepting import DRAWN, JSON
from midrib.serving.body import SentPicture
from midrib.serving.config import Limits
from midrib.serving.jobs import Answer
from midrib.serving.recording import Asked

PREDICTION_ID = "X-Midrib-Prediction-Id"


class Drawing:
    """Draws answers in threads, one a core at a time; more wait. Belongs to one event loop."""

    def __init__(self, limits: Limits) -> None:
        most = min(limits.drawn_pixels, limits.picture.max_pixels)
        self._limits: DecodeLimits = limits.picture.model_copy(update={"max_pixels": most})
        self._at_once = asyncio.Semaphore(usable_cores())

    def require_drawable(self, sent: Sequence[SentPicture]) -> None:
        """Refuse what cannot be drawn before the model is asked.

        Raises:
            MalformedRequestError: there are several pictures.
            PictureError: it is none, or has more pixels than are drawn.
        """
        if len(sent) != 1:
            raise MalformedRequestError(
                f"{len(sent)} pictures, of which one drawn picture is wanted",
                expected="one picture a request",
                todo="send them one by one, or accept application/json",
            )
        upright_size(sent[0].data, self._limits)

    async def answer(self, asked: Asked, media_type: str) -> Response:
        """The picture with its objects. Raises what became of it where it has no answer."""
        if isinstance(asked.outcome, MidribError):
            raise asked.outcome
        found = _objects(asked.outcome)
        async with self._at_once:
            data, form = asked.picture.data, DRAWN[media_type]
            content = await asyncio.to_thread(_drawn, data, found, form, self._limits)
        return Response(content, media_type=media_type, headers={PREDICTION_ID: asked.id})


def _drawn(data: bytes, found: Detections | Segmentation, form: str, limits: DecodeLimits) -> bytes:
    from midrib.datasets.drawing import draw_answer  # most servers never draw

    return draw_answer(data, found, form, limits=limits)


def _objects(outcome: Answer) -> Detections | Segmentation:
    if isinstance(outcome.prediction, Prediction):  # released since the request began
        raise NotAcceptableError(
            "the version that is live now answers without objects",
            expected=f"the type {JSON}",
            todo="ask again without the header Accept",
        )
    return outcome.prediction
