"""Proof that an exported file answers like the model it came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from pydantic import Field

from midrib.config import Config
from midrib.datasets import Item
from midrib.engines import Engine
from midrib.errors import ParityError
from midrib.machine import machine_name
from midrib.packages import Certificate
from midrib.postprocessing import decide
from midrib.preprocessing import Recipe, read_picture
from midrib.records import PixelBatch
from midrib.tasks import Classifier, ServedClassifier

_BATCH = 16
MAX_PICTURES = 1000


class ParityLimits(Config):
    """How far an exported file may be from its model."""

    max_error: float = Field(default=1e-3, gt=0)
    """Largest absolute difference of any probability."""

    max_changed_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of held-out pictures whose decided label may differ."""


def certify(
    classifier: Classifier,
    engine: Engine,
    recipe: Recipe,
    items: Sequence[Item],
    *,
    limits: ParityLimits | None = None,
) -> Certificate:
    """Ask model and file the same held-out pictures and compare.

    Args:
        classifier: the model, in torch.
        engine: the file, loaded.
        recipe: how pictures are prepared for both.
        items: held-out pictures; the first 1,000 are used.
        limits: what is still the same.

    Raises:
        ParityError: they differ by more than ``limits``.
    """
    limits = limits or ParityLimits()
    served = ServedClassifier(classifier).to("cpu").eval()
    used = items[:MAX_PICTURES]
    errors, changed = [], 0
    labels = [str(index) for index in range(classifier.head.out_features)]
    for pictures in _batches(used, recipe):
        with torch.inference_mode():
            of_model = served(torch.from_numpy(pictures))[0].numpy()
        of_file = engine.run(pictures).answer
        errors.append(np.abs(of_model - of_file))
        decisions = [
            decide(one, labels, positive=None, threshold=0.5) for one in (of_model, of_file)
        ]
        changed += sum(a != b for a, b in zip(*decisions, strict=True))
    error = np.concatenate(errors)
    certificate = Certificate(
        pictures=len(used),
        max_error=float(error.max()),
        mean_error=float(error.mean()),
        changed_decisions=changed,
        engine=f"{engine.name} {engine.version()}",
        machine=machine_name(),
    )
    _require_within(certificate, limits)
    return certificate


def _batches(items: Sequence[Item], recipe: Recipe) -> Iterator[PixelBatch]:
    for start in range(0, len(items), _BATCH):
        chosen = items[start : start + _BATCH]
        yield np.stack([read_picture(item.path.read_bytes(), recipe) for item in chosen])


def _require_within(certificate: Certificate, limits: ParityLimits) -> None:
    share = certificate.changed_decisions / certificate.pictures
    if certificate.max_error <= limits.max_error and share <= limits.max_changed_share:
        return
    raise ParityError(
        f"the file's answers differ from the model's by up to {certificate.max_error:.2g} and "
        f"{certificate.changed_decisions} of {certificate.pictures} decisions changed",
        expected=f"at most {limits.max_error:g} and {limits.max_changed_share:.1%} of decisions",
        todo="report this backbone; the package was not written",
    )
