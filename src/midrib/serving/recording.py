"""Hand what was asked and answered to the prediction log, which never makes a request wait."""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from midrib.errors import MissingExtraError
from midrib.monitoring import LoggedPrediction, PredictionLog
from midrib.records import Segmentation
from midrib.serving.body import SentPicture
from midrib.serving.config import ServeConfig
from midrib.serving.jobs import Answer, Outcome
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


@dataclass(frozen=True)
class Asked:
    """One picture that a client sent, the id that it goes by, and what became of it."""

    id: str
    picture: SentPicture
    outcome: Outcome


def entry(asked: Asked, name: str, live: Live, milliseconds: float) -> LoggedPrediction:
    """What the log keeps of one picture, asked of ``name``, and of what became of it."""
    request = LoggedPrediction(
        id=asked.id,
        model=name,
        version=live.version,
        engine=live.engine.engine,
        latency_ms=milliseconds,
        bytes=len(asked.picture.data),
    )
    outcome = asked.outcome
    if not isinstance(outcome, Answer):
        return replace(request, status=outcome.http_status)
    return replace(
        request,
        label=outcome.prediction.label,
        score=outcome.prediction.score,
        shares=outcome.prediction.shares if isinstance(outcome.prediction, Segmentation) else None,
        picture=outcome.picture,
        embedding=outcome.prediction.embedding,
    )
