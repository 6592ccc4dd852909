"""Ask a loaded model its package's samples before anyone else may ask it anything."""

from __future__ import annotations

import numpy as np

from midrib.engines.predictor import Predictor
from midrib.errors import PackageError
from midrib.packages import Package

TOLERANCE = 0.01
"""Largest allowed difference of a probability between the lab's answer and the one here."""


def rehearse(predictor: Predictor, package: Package) -> float:
    """Run every sample from encoded bytes to probabilities and compare with the lab's answers.

    Returns the largest absolute difference of a probability. Raises ``PackageError`` when it is
    above ``TOLERANCE``, naming the sample, or when there is no sample.
    """
    if not package.samples:
        raise PackageError(
            f"{package.folder} has no samples",
            expected="at least one picture with its answer",
            todo="export the package again",
        )
    largest = 0.0
    for sample in package.samples:
        answer = predictor.infer(predictor.read(sample.data)[np.newaxis]).answer[0]
        promised = np.array(sample.answer, np.float32)
        if promised.shape != answer.shape:
            raise PackageError(
                f"sample {sample.file} is promised {promised.size} probabilities",
                expected=f"{answer.size}, as the model answers",
                todo="export the package again",
            )
        difference = float(np.abs(answer - promised).max())
        if not difference <= TOLERANCE:
            raise PackageError(
                f"sample {sample.file} is answered {difference:.4f} away from the lab's answer",
                expected=f"at most {TOLERANCE}",
                todo="do not serve this package on this machine with this engine; export it again",
            )
        largest = max(largest, difference)
    return largest
