"""Bounds that an archive or a bucket keeps to before any of it is written."""

from __future__ import annotations

from pydantic import Field

from midrib.config import Config


class SourceLimits(Config):
    """How much may come out of one archive or bucket."""

    max_files: int = Field(default=5_000_000, gt=0)
    """Files and folders."""

    max_bytes: int = Field(default=1 << 40, gt=0)
    """Of all files together, unpacked."""

    max_ratio: float = Field(default=200.0, ge=1)
    """Unpacked bytes over packed ones, once more than `small_bytes` come out."""

    small_bytes: int = Field(default=100_000_000, ge=0)
    """What comes out may always be as large as this."""
