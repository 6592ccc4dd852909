"""A model's answer drawn into the picture that it was asked about: one code for all surfaces."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from midrib.datasets.annotations import Annotation
from midrib.datasets.drawing.legend import Legend
from midrib.datasets.drawing.objects import draw_objects
from midrib.datasets.drawing.tags import SCORE
from midrib.preprocessing import DecodeLimits, decode
from midrib.records import Detections

PNG = "PNG"


def draw_answer(
    data: bytes, answer: Detections, form: str = PNG, *, limits: DecodeLimits | None = None
) -> bytes:
    """A picture with the objects that were found in it, their classes and scores, as a file.

    Args:
        data: the encoded picture that was asked about.
        answer: what was answered, in pixels of the upright picture.
        form: a format, as Pillow calls it.
        limits: bounds on the picture.

    Returns:
        The upright picture in its own size, encoded.

    Raises:
        PictureError: the picture cannot be decoded, or is larger than ``limits`` allow.
    """
    found = [
        Annotation(label, (box[0], box[1], box[2], box[3]), attributes=((SCORE, f"{score:.2f}"),))
        for label, box, score in zip(
            answer.labels, answer.boxes.tolist(), answer.scores.tolist(), strict=True
        )
    ]
    pixels = decode(data, limits=limits or DecodeLimits())
    drawn = draw_objects(pixels, found, Legend.of(answer.labels))
    stream = io.BytesIO()
    Image.fromarray(drawn).save(stream, form)
    return stream.getvalue()


def form_of(path: Path) -> str | None:
    """The format that a file's name asks for, as Pillow calls it; None for one it cannot write."""
    form = Image.registered_extensions().get(path.suffix.lower())
    return form if form in Image.SAVE else None
