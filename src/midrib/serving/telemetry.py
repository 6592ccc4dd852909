"""What a server counts and times, as Prometheus text.

midrib_requests_total{model,code}       requests answered; code 499: the client went away
midrib_request_seconds{model}           from the headers to the answer
midrib_queue_seconds{model}             a picture's wait for a worker
midrib_decode_seconds{model}            its decoding and resizing
midrib_infer_seconds{model}             the model's run that it was part of
midrib_batch_pictures{model}            pictures that the model was asked together
midrib_waiting_pictures{model}          pictures that no worker has taken yet
midrib_live_version{model}              version that answers; 0 for a package never published
"""

from __future__ import annotations

from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from midrib.serving.deployments import Deployment
from midrib.serving.jobs import Answer

_Metric = TypeVar("_Metric", Counter, Histogram)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_PICTURES = (1, 2, 4, 8, 16, 32, 64)


class Telemetry:
    """The numbers of one server, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._children: dict[tuple[object, ...], Any] = {}
        self._requests = Counter(
            "midrib_requests", "Requests answered", ["model", "code"], registry=self._registry
        )
        self._request = self._histogram("midrib_request_seconds", "From headers to answer")
        self._queue = self._histogram("midrib_queue_seconds", "Wait for a worker")
        self._decode = self._histogram("midrib_decode_seconds", "Decoding and resizing")
        self._infer = self._histogram("midrib_infer_seconds", "Running the model")
        self._batch = self._histogram(
            "midrib_batch_pictures", "Pictures asked together", buckets=_PICTURES
        )
        self._waiting = self._gauge("midrib_waiting_pictures", "Pictures that wait")
        self._version = self._gauge("midrib_live_version", "Version that answers")

    def watch(self, model: str, deployment: Deployment) -> None:
        """Read the deployment's queue and version whenever the text is asked for."""
        self._waiting.labels(model).set_function(lambda: deployment.live.waiting)
        self._version.labels(model).set_function(lambda: deployment.live.version)

    def request(self, model: str, code: int, seconds: float) -> None:
        """Count one request."""
        self._child(self._requests, model, str(code)).inc()
        self._child(self._request, model).observe(seconds)

    def answered(self, model: str, answer: Answer) -> None:
        """Time one picture."""
        self._child(self._queue, model).observe(answer.timings.queue)
        self._child(self._decode, model).observe(answer.timings.decode)
        self._child(self._infer, model).observe(answer.timings.infer)
        self._child(self._batch, model).observe(answer.batch)

    def text(self) -> bytes:
        """The numbers in Prometheus' text format, version 0.0.4."""
        return generate_latest(self._registry)

    def _child(self, parent: _Metric, *labels: str) -> _Metric:
        """The metric with these labels, found once: its own look-up takes a lock each time."""
        key = (parent, *labels)
        if key not in self._children:
            self._children[key] = parent.labels(*labels)
        found: _Metric = self._children[key]
        return found

    def _histogram(
        self, name: str, what: str, *, buckets: tuple[float, ...] = _SECONDS
    ) -> Histogram:
        return Histogram(name, what, ["model"], buckets=buckets, registry=self._registry)

    def _gauge(self, name: str, what: str) -> Gauge:
        return Gauge(name, what, ["model"], registry=self._registry)
