"""Where things live: each default needs nothing but a disk and has one counterpart, chosen by URL.

Set by environment variables with the prefix ``MIDRIB_``, as in ``MIDRIB_HOME``.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ByteSize, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from midrib.errors import ConfigError


class Settings(BaseSettings):
    """Places. Read anew from the environment at each call of the constructor."""

    model_config = SettingsConfigDict(
        env_prefix="MIDRIB_", frozen=True, extra="ignore", use_attribute_docstrings=True
    )

    home: Path = Path("~/.midrib")
    """The folder that holds everything midrib makes, unless a URL below says otherwise."""

    database_url: str = ""
    """Releases: ``sqlite:///`` and a path, or ``postgresql://``; empty is SQLite in the home."""

    tracking_url: str = ""
    """Runs and model versions: any MLflow server's URL; empty is SQLite in the home folder."""

    offline: bool = False
    """Never touch the network; say what would have been fetched."""

    hugging_face_url: str = ""
    """A mirror of Hugging Face's hub; empty is ``HF_ENDPOINT``, or the hub itself."""

    pytorch_url: str = ""
    """A mirror of the server that torchvision's weights are on; empty is that server."""

    picture_cache: ByteSize = Field(default=ByteSize(20_000_000_000), ge=0)
    """How much disk decoded pictures may take, as in ``5GB``; 0 keeps none."""

    def __init__(self, **places: Any) -> None:
        try:
            super().__init__(**places)
        except ValidationError as problem:
            fault = problem.errors()[0]
            raise ConfigError(
                f"MIDRIB_{str(fault['loc'][0]).upper()} is {fault['input']!r}",
                expected=fault["msg"],
                todo="change or unset it",
            ) from None

    @cached_property
    def folder(self) -> Path:
        """The home folder, absolute."""
        return self.home.expanduser().absolute()

    @property
    def packages(self) -> Path:
        """Published model packages, as ``<name>/<version>/``."""
        return self.folder / "packages"

    @property
    def runs(self) -> Path:
        """Training runs, one folder each."""
        return self.folder / "runs"

    @property
    def weights(self) -> Path:
        """Pretrained weights, converted once to safetensors."""
        return self.folder / "weights"

    @property
    def downloads(self) -> Path:
        """What was fetched from a package registry, checked by hash."""
        return self.folder / "downloads"

    @property
    def decoded_pictures(self) -> Path:
        """Pictures decoded for training; may be removed at any time."""
        return self.folder / "cache" / "pictures"

    @property
    def datasets(self) -> Path:
        """Splits and versions of pictures, and what was found of their files; one folder each."""
        return self.folder / "datasets"

    @property
    def sources(self) -> Path:
        """What archives of pictures held and buckets gave; may be deleted at any time."""
        return self.folder / "sources"

    @property
    def sheets(self) -> Path:
        """Pages that show pictures of a dataset."""
        return self.folder / "sheets"

    @property
    def predictions(self) -> Path:
        """The prediction log, one folder a model."""
        return self.folder / "predictions"

    @property
    def costs(self) -> Path:
        """What backbones were measured to cost, by machine and libraries."""
        return self.folder / "costs"

    @property
    def comparisons(self) -> Path:
        """Pages that compare backbones, one folder each."""
        return self.folder / "comparisons"

    @property
    def engine_choices(self) -> Path:
        """Which engine was measured fastest, by model file and machine."""
        return self.folder / "engine-choices.json"

    @property
    def counts(self) -> Path:
        """What models of timm and torchvision count, found when they were first listed."""
        return self.folder / "backbones"

    def database(self) -> str:
        """The SQLAlchemy URL of the releases."""
        return self.database_url or f"sqlite:///{self.folder / 'state.db'}"

    def tracking(self) -> str:
        """The MLflow URL of runs and model versions."""
        return self.tracking_url or f"sqlite:///{self.folder / 'mlflow.db'}"
