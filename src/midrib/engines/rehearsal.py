"""Ask a loaded model its package's samples before anyone else may ask it anything."""

from __future__ import annotations

from typing import cast

import numpy as np

from midrib.engines.predictor import Predictor
from midrib.errors import PackageError
from midrib.packages import Package
from midrib.packages.reading import Sample
from midrib.packages.sample_answers import objects_of_rows
from midrib.postprocessing import matched, painted
from midrib.records import Floats, Found, Size
from midrib.run_lengths import MaskError, pixels_of_both

TOLERANCE = 0.01
"""Largest allowed difference of a probability or a score between the lab's answer and this one."""


def rehearse(predictor: Predictor, package: Package) -> float:
    """Run every sample from encoded bytes to an answer and compare with the lab's.

    Of a detector each object of the lab's must be found again, of its class and in its place. Of
    a segmenter the difference is the share of a picture's pixels that are of another class.

    Returns the largest absolute difference. Raises ``PackageError``
    when it is above ``TOLERANCE``, naming the sample, or when there is no sample.
    """
    if not package.samples:
        raise PackageError(
            f"{package.folder} has no samples",
            expected="at least one picture with its answer",
            todo="export the package again",
        )
    largest = 0.0
    for sample in package.samples:
        differences = _DIFFERENCES[package.card.task](predictor, sample)
        difference = float(np.abs(differences).max(initial=0))
        if not difference <= TOLERANCE:
            raise PackageError(
                f"sample {sample.file} is answered {difference:.4f} away from the lab's answer",
                expected=f"at most {TOLERANCE}",
                todo="do not serve this package on this machine with this engine; export it again",
            )
        largest = max(largest, difference)
    return largest


def _of_probabilities(predictor: Predictor, sample: Sample) -> Floats:
    answer = predictor.infer(predictor.read(sample.data)[np.newaxis]).answer[0]
    promised = np.array(sample.answer, np.float32)
    if promised.shape != answer.shape:
        raise PackageError(
            f"sample {sample.file} is promised {promised.size} probabilities",
            expected=f"{answer.size}, as the model answers",
            todo="export the package again",
        )
    difference: Floats = answer - promised
    return difference


def _of_objects(predictor: Predictor, sample: Sample) -> Floats:
    """Of the scores, 1 for an object that is not found again; and of the masks of all of them.

    Of masks it is the share of their pixels that only one of the two answers has.
    """
    view = predictor.view(sample.data)
    found = predictor.look([view])[0].found
    answer = sample.answer
    if not isinstance(answer, Found):
        answer = objects_of_rows(cast("list[list[float]]", answer))
    return _differences(answer, found, sample, view.of)


def _differences(promised: Found, found: Found, sample: Sample, size: Size) -> Floats:
    places = matched(promised, found)
    again = np.where(places >= 0, np.append(found.scores, 0)[places], promised.scores + 1)
    difference: Floats = again - promised.scores
    if not promised.masks or (places < 0).any():
        return difference
    pairs = zip(promised.masks, found.only(places).masks, strict=True)
    try:
        shared, united = np.sum([pixels_of_both(*pair) for pair in pairs], axis=0)
    except MaskError as problem:
        raise _no_mask_of_the_picture(sample, problem, size) from None
    return np.append(difference, np.float32(1 - shared / max(1, united)))


def _of_pixels(predictor: Predictor, sample: Sample) -> Floats:
    """The share of the picture's pixels that are of another class."""
    view = predictor.view(sample.data)
    outputs = predictor.infer(view.pixels[np.newaxis])
    [found] = predictor.class_maps(outputs, [view.of])
    masks = sample.answer if isinstance(sample.answer, dict) else {}
    try:
        promised = painted(masks, predictor.card.labels, view.of)
    except MaskError as problem:
        raise _no_mask_of_the_picture(sample, problem, view.of) from None
    return np.array([np.mean(promised != found)], np.float32)


def _no_mask_of_the_picture(sample: Sample, problem: MaskError, size: Size) -> PackageError:
    return PackageError(
        f"sample {sample.file} is promised {problem.came}",
        expected=f"masks of {size.width} × {size.height} pixels, as the picture has",
        todo="export the package again",
    )


_DIFFERENCES = {
    "classification": _of_probabilities,
    "detection": _of_objects,
    "segmentation": _of_pixels,
}
