"""Every kind of fault that is looked for: importing this room registers them all."""

from midrib.datasets.health.kinds import (
    balance,
    boxes,
    copies,
    drift,
    embedded,
    exposure,
    files,
    labels,
    masks,
    names,
    shapes,
)

__all__ = [
    "balance",
    "boxes",
    "copies",
    "drift",
    "embedded",
    "exposure",
    "files",
    "labels",
    "masks",
    "names",
    "shapes",
]
