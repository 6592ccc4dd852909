"""How a server listens, what it takes and how much it holds."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from midrib.config import Config
from midrib.engines.choice import AUTO
from midrib.machine import usable_cores
from midrib.preprocessing import DecodeLimits


class Limits(Config):
    """Bounds that keep one client, or all of them, from taking the server down."""

    body_bytes: int = Field(default=32 << 20, gt=0)
    """Largest body, as announced and as received."""

    header_seconds: float = Field(default=10.0, gt=0)
    """Longest that a connection may take to send its headers, and may idle between requests."""

    body_seconds: float = Field(default=30.0, gt=0)
    """Longest that a body may take to arrive."""

    pictures: int = Field(default=32, gt=0)
    """Most pictures in one request."""

    queue_length: int = Field(default=128, gt=0)
    """Most pictures that wait for each model; one more is refused at once."""

    deadline_seconds: float = Field(default=10.0, gt=0)
    """Longest that a picture waits for its turn; after that the model is not run for it."""

    connections: int = Field(default=1024, gt=0)
    """Connections open at once; more wait to be accepted."""

    picture: DecodeLimits = DecodeLimits()
    """Bounds on each picture, checked before memory is spent on it."""

    drawn_pixels: int = Field(default=25_000_000, gt=0)
    """Most pixels, width × height, of a picture that is sent back with its objects drawn."""

    @model_validator(mode="after")
    def _a_whole_request_can_wait(self) -> Limits:
        if self.pictures > self.queue_length:
            raise ValueError("at least as much as pictures in one request")
        return self


class ServeConfig(Config):
    """Options of a server."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every address of this machine."""

    port: int = Field(default=8080, ge=0, le=65535)
    """Port to listen on; 0 takes any free one, told in the ready message."""

    engine: str = AUTO
    """An inference engine's name, or 'auto' for the one measured fastest here."""

    variant: str | None = None
    """Which file of each package; None takes the first."""

    workers: int = Field(default_factory=usable_cores, gt=0)
    """Threads that decode and infer, for each model."""

    batch: Literal["auto"] | int = "auto"
    """Most pictures that the model is asked at once; 'auto' measures what is fastest here."""

    record: bool = True
    """Whether to keep a prediction log."""

    poll_seconds: float = Field(default=0.25, gt=0)
    """How often to look which version is live."""

    linger_seconds: float = Field(default=0.5, ge=0)
    """How long a stopping server still accepts, while it tells clients to connect elsewhere."""

    drain_seconds: float = Field(default=60.0, gt=0)
    """Longest that a stopping server waits for what it has accepted."""

    limits: Limits = Limits()
    """Bounds on clients."""

    @model_validator(mode="after")
    def _batch_is_a_number_of_pictures(self) -> ServeConfig:
        if self.batch != "auto" and self.batch < 1:
            raise ValueError("a batch of 'auto' or at least 1")
        return self
