"""A model's answer drawn into the picture that it was asked about: one code for all surfaces."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from midrib.datasets.annotations import Annotation
from midrib.datasets.drawing.legend import Legend
from midrib.datasets.drawing.objects import draw_objects
from midrib.datasets.drawing.tags import SCORE
from midrib.datasets.masks import span_of
from midrib.preprocessing import DecodeLimits, decode
from midrib.records import Detections, Segmentation

PNG = "PNG"


def draw_answer(
    data: bytes,
    answer: Detections | Segmentation,
    form: str = PNG,
    *,
    limits: DecodeLimits | None = None,
) -> bytes:
    """A picture with the objects or masks that were found in it and their classes, as a file.

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
    found = _objects(answer) if isinstance(answer, Detections) else _masks(answer)
    pixels = decode(data, limits=limits or DecodeLimits())
    drawn = draw_objects(pixels, found, Legend.of([each.label for each in found]))
    stream = io.BytesIO()
    Image.fromarray(drawn).save(stream, form)
    return stream.getvalue()


def _objects(answer: Detections) -> list[Annotation]:
    """What was found, each as its box or, where it has one, its mask."""
    masks = answer.masks or (None,) * len(answer)
    each = zip(answer.labels, answer.boxes.tolist(), answer.scores.tolist(), masks, strict=True)
    return [
        Annotation(
            label,
            (box[0], box[1], box[2], box[3]),
            mask=mask,
            attributes=((SCORE, f"{score:.2f}"),),
        )
        for label, box, score, mask in each
    ]


def _masks(answer: Segmentation) -> list[Annotation]:
    return [Annotation(label, span_of(rle), mask=rle) for label, rle in answer.masks.items()]


def form_of(path: Path) -> str | None:
    """The format that a file's name asks for, as Pillow calls it; None for one it cannot write."""
    form = Image.registered_extensions().get(path.suffix.lower())
    return form if form in Image.SAVE else None
