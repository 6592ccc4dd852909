"""Hand what was asked and answered to the prediction log, which never makes a request wait."""

from __future__ import annotations

from dataclasses import replace

import structlog

from midrib.errors import MissingExtraError
from midrib.monitoring import LoggedPrediction, PredictionLog
from midrib.serving.batching import Answer, Outcome
from midrib.serving.config import ServeConfig
from midrib.serving.loading import Live
from midrib.settings import Settings

_logger = structlog.get_logger(__name__)


def open_log(config: ServeConfig, settings: Settings) -> PredictionLog | None:
    """The prediction log; None, said once, where it is switched off or cannot be written."""
    if not config.record:
        _logger.info("no prediction log", reason="it is switched off")
        return None
    try:
        return PredictionLog(settings.predictions)
    except MissingExtraError as missing:
        _logger.warning("no prediction log", reason=str(missing))
        return None


def entry(
    picture_id: str, name: str, live: Live, data: bytes, outcome: Outcome, milliseconds: float
) -> LoggedPrediction:
    """What the log keeps of one picture and of what became of it."""
    asked = LoggedPrediction(
        id=picture_id,
        model=name,
        version=live.version,
        engine=live.engine.engine,
        latency_ms=milliseconds,
        bytes=len(data),
    )
    if not isinstance(outcome, Answer):
        return replace(asked, status=outcome.http_status)
    return replace(
        asked,
        label=outcome.prediction.label,
        score=outcome.prediction.score,
        picture=outcome.picture,
        embedding=outcome.prediction.embedding,
    )
