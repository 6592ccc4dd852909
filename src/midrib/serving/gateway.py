"""The protocol: routes to replicas, and their outcomes back as JSON.

POST /v1/models/{name}:predict     one picture as the body, or several as multipart files;
                                   objects and masks drawn where image/png is accepted
GET  /v1/models                    what is served
GET  /v1/models/{name}             a model's card, its live version and its engine
GET  /health/live                  the process answers
GET  /health/ready                 it takes requests
GET  /metrics                      numbers for Prometheus
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict

from starlette.convertors import CONVERTOR_TYPES, StringConvertor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from midrib.errors import MidribError, OverloadedError
from midrib.monitoring import PredictionLog
from midrib.serving.accepting import JSON, accepted_type
from midrib.serving.body import read_pictures
from midrib.serving.config import Limits
from midrib.serving.deployments import Deployment, Deployments
from midrib.serving.drawn import Drawing
from midrib.serving.exchange import Exchanges
from midrib.serving.ids import new_id
from midrib.serving.jobs import Answer
from midrib.serving.loading import UNPUBLISHED, Live
from midrib.serving.recording import Asked, entry
from midrib.serving.telemetry import Telemetry


class _NameConvertor(StringConvertor):
    """A model's name in a path: what stands before the colon of ':predict'."""

    regex = "[^/:]+"


CONVERTOR_TYPES["model"] = _NameConvertor()


class Gateway:
    """The ASGI application of one server."""

    def __init__(
        self,
        deployments: Deployments,
        limits: Limits,
        telemetry: Telemetry,
        log: PredictionLog | None,
    ) -> None:
        self._deployments = deployments
        self._limits = limits
        self._telemetry = telemetry
        self._log = log
        self._drawing = Drawing(limits)
        router = Router(
            [
                Route("/v1/models/{name:model}:predict", self._predict, methods=["POST"]),
                Route("/v1/models", self._models),
                Route("/v1/models/{name:model}", self._model),
                Route("/health/live", self._alive),
                Route("/health/ready", self._ready),
                Route("/metrics", self._metrics),
            ],
            redirect_slashes=False,
        )
        self.app = Exchanges(router, telemetry)

    async def _predict(self, request: Request) -> Response:
        started = time.monotonic()
        deployment = self._deployment(request)
        accept = ",".join(request.headers.getlist("accept"))
        media_type = accepted_type(accept, deployment.live.card.task)
        sent = await read_pictures(request, self._limits)
        if media_type != JSON:
            self._drawing.require_drawable(sent)
        deadline = time.monotonic() + self._limits.deadline_seconds
        live, outcomes = await deployment.ask([picture.data for picture in sent], deadline)
        request.state.version = _shown(live.version)
        asked = [
            Asked(new_id(), picture, outcome)
            for picture, outcome in zip(sent, outcomes, strict=True)
        ]
        self._note(deployment.name, live, asked, time.monotonic() - started)
        if media_type != JSON:
            return await self._drawing.answer(asked[0], media_type)
        return _answer(deployment.name, live, asked)

    def _note(self, name: str, live: Live, asked: Sequence[Asked], seconds: float) -> None:
        for each in asked:
            if isinstance(each.outcome, Answer):
                self._telemetry.answered(name, each.outcome)
            if self._log is not None:
                self._log.record(entry(each, name, live, seconds * 1000))

    async def _models(self, _: Request) -> Response:
        return JSONResponse({"models": [_summary(each) for each in self._deployments.values()]})

    async def _model(self, request: Request) -> Response:
        deployment = self._deployment(request)
        live = deployment.live
        request.state.version = _shown(live.version)
        problem = deployment.problem
        return JSONResponse(
            {
                **_summary(deployment),
                "engine": asdict(live.engine),
                "batch": asdict(live.batch),
                "problem": problem.as_record() if problem else None,
                "card": live.card.model_dump(mode="json"),
            }
        )

    async def _alive(self, _: Request) -> Response:
        return JSONResponse({"live": True})

    async def _ready(self, _: Request) -> Response:
        if self.app.draining:
            raise OverloadedError("the server is stopping", todo="ask another one")
        return JSONResponse({"ready": True})

    async def _metrics(self, _: Request) -> Response:
        return Response(self._telemetry.text(), media_type="text/plain; version=0.0.4")

    def _deployment(self, request: Request) -> Deployment:
        deployment = self._deployments[request.path_params["name"]]
        request.state.model = deployment.name
        return deployment


def _answer(name: str, live: Live, asked: Sequence[Asked]) -> Response:
    """What became of each picture; where none has an answer, the first one's error decides."""
    problems = [each.outcome for each in asked if isinstance(each.outcome, MidribError)]
    none_answered = len(problems) == len(asked)
    if none_answered and (len(problems) == 1 or isinstance(problems[0], OverloadedError)):
        raise problems[0]
    return JSONResponse(
        {
            "model": name,
            "version": live.version or None,
            "predictions": [_prediction(each) for each in asked],
        },
        status_code=problems[0].http_status if none_answered else 200,
    )


def _prediction(asked: Asked) -> dict[str, object]:
    record: dict[str, object] = {"id": asked.id}
    if asked.picture.name is not None:
        record["file"] = asked.picture.name
    if isinstance(asked.outcome, Answer):
        return {**record, **asked.outcome.prediction.as_record()}
    return {**record, "status": asked.outcome.http_status, **asked.outcome.as_record()}


def _summary(deployment: Deployment) -> dict[str, object]:
    live = deployment.live
    return {
        "name": deployment.name,
        "version": live.version or None,
        "task": live.card.task,
        "labels": live.card.labels,
        "engine": live.engine.engine,
    }


def _shown(version: int) -> str:
    return "unpublished" if version == UNPUBLISHED else str(version)
