"""Pictures of a split with what a detector found in them, for the report."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from midrib.datasets.annotations import Annotation
from midrib.datasets.drawing import Legend, draw_objects
from midrib.errors import PictureError
from midrib.evaluation.detection_records import DetectionEvaluation
from midrib.metrics.objects import FoundObjects, TrueObjects
from midrib.preprocessing import decode
from midrib.records import Pixels

MOST_PICTURES = 8
_SIDE_PIXELS = 360
_QUALITY = 78


@dataclass(frozen=True)
class DrawnPicture:
    """One picture twice: as it was labelled and as it was answered. Sources are data URIs."""

    name: str
    labelled: str
    answered: str
    objects: int
    found: int


def crowded_tiles(evaluation: DetectionEvaluation, most: int = MOST_PICTURES) -> list[DrawnPicture]:
    """Pictures spread from the most objects to the fewest; those that are gone are left out."""
    counts = np.array([int((~each.crowd).sum()) for each in evaluation.truth])
    ranked = np.argsort(-counts, kind="stable")
    chosen = ranked[np.linspace(0, len(ranked) - 1, min(most, len(ranked))).round().astype(int)]
    drawn = [_drawn(evaluation, int(row)) for row in chosen]
    return [each for each in drawn if each is not None]


def _drawn(evaluation: DetectionEvaluation, row: int) -> DrawnPicture | None:
    path, labels = evaluation.paths[row], evaluation.labels
    try:
        pixels = decode(path.read_bytes())
    except (OSError, PictureError):
        return None
    truth, found = evaluation.truth[row], evaluation.answered[row]
    legend = Legend.of(labels)
    return DrawnPicture(
        name=path.name,
        labelled=as_data_uri(draw_objects(pixels, _annotations(truth, labels), legend)),
        answered=as_data_uri(draw_objects(pixels, _annotations(found, labels), legend)),
        objects=int((~truth.crowd).sum()),
        found=len(found),
    )


def _annotations(objects: TrueObjects | FoundObjects, labels: tuple[str, ...]) -> list[Annotation]:
    masks = objects.masks or (None,) * len(objects)
    return [
        Annotation(labels[place], (box[0], box[1], box[2], box[3]), mask=mask)
        for place, box, mask in zip(
            objects.classes.tolist(), objects.xyxy.tolist(), masks, strict=True
        )
    ]


def as_data_uri(pixels: Pixels) -> str:
    """A picture, shrunk for a page, as an address that holds it."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((_SIDE_PIXELS, _SIDE_PIXELS))
    encoded = io.BytesIO()
    picture.save(encoded, "WEBP", quality=_QUALITY)
    return "data:image/webp;base64," + base64.b64encode(encoded.getvalue()).decode("ascii")
