"""One request and its one answer: its id, its errors as JSON, its place in the numbers."""

from __future__ import annotations

import math
import re
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from midrib.errors import MidribError, OverloadedError
from midrib.serving.ids import new_id
from midrib.serving.telemetry import Telemetry

REQUEST_ID = "X-Request-Id"
MODEL_VERSION = "X-Midrib-Model-Version"

_logger = structlog.get_logger(__name__)
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_CLIENT_WENT = 499
# The body was not read to its end, so that the next request's beginning cannot be found.
_UNREAD_BODY = frozenset({408, 413})
_EXPECTED_FAILURES = frozenset({503, 504})


class Exchanges:
    """ASGI middleware around the routes; what a route raises is answered here.

    A route may put ``model`` and ``version`` into ``scope['state']``.
    """

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry
        self.draining = False
        """Whether answers tell clients to connect elsewhere."""

        self.begun = 0
        self.ended = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        self.begun += 1
        status = _CLIENT_WENT
        state = scope.setdefault("state", {})
        # With an application in the scope the router raises what it cannot route.
        scope["app"] = self
        state["request_id"] = request_id = _request_id(Headers(scope=scope))

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._mark(MutableHeaders(scope=message), state, status)
            await send(message)

        try:
            await self._answer(scope, receive, send_marked, request_id)
        except ClientDisconnect:
            _logger.debug("the client went away", request_id=request_id)
        finally:
            self.ended += 1
            seconds = time.perf_counter() - started
            self._telemetry.request(state.get("model", ""), status, seconds)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            raise
        except MidribError as problem:
            if problem.http_status >= 500 and problem.http_status not in _EXPECTED_FAILURES:
                _logger.exception("request failed", request_id=request_id)
            await _refusal(problem, request_id)(scope, receive, send)
        except HTTPException as problem:
            await _no_route(problem, scope, request_id)(scope, receive, send)
        except Exception:
            _logger.exception("request failed unexpectedly", request_id=request_id)
            unexpected = MidribError(
                "the server failed unexpectedly", todo="tell its operator the request id"
            )
            await _refusal(unexpected, request_id)(scope, receive, send)

    def _mark(self, headers: MutableHeaders, state: dict[str, object], status: int) -> None:
        headers[REQUEST_ID] = str(state["request_id"])
        if "version" in state:
            headers[MODEL_VERSION] = str(state["version"])
        if self.draining or status in _UNREAD_BODY:
            headers["Connection"] = "close"


def _request_id(headers: Headers) -> str:
    """The client's, if it can stand in a header and a log line, else a new one."""
    given = headers.get(REQUEST_ID, "")
    return given if _SANE_ID.fullmatch(given) else new_id()


def _refusal(problem: MidribError, request_id: str) -> JSONResponse:
    headers = {}
    if isinstance(problem, OverloadedError):
        headers["Retry-After"] = str(math.ceil(problem.retry_after_seconds))
    return JSONResponse(
        {**problem.as_record(), "request_id": request_id},
        status_code=problem.http_status,
        headers=headers,
    )


def _no_route(problem: HTTPException, scope: Scope, request_id: str) -> JSONResponse:
    allowed = (problem.headers or {}).get("Allow")
    record = {
        "error": problem.detail.replace(" ", ""),
        "came": f"{scope['method']} {scope['path']}",
        "expected": f"the method {allowed}" if allowed else "POST /v1/models/{name}:predict",
        "todo": "see GET /v1/models",
        "request_id": request_id,
    }
    return JSONResponse(record, status_code=problem.status_code, headers=problem.headers)
