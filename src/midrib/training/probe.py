"""The linear probe: logistic regression on frozen features. What training has to beat."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from midrib.metrics import METRICS
from midrib.records import Floats
from midrib.tasks import Classifier
from midrib.training.loading import Pictures, evaluation_batches

_DECAYS = (1e-4, 1e-3, 1e-2, 1e-1)
_BATCH = 32
_LBFGS_STEPS = 200


def linear_probe(
    classifier: Classifier,
    training: Pictures,
    validation: Pictures,
    test: Pictures,
    *,
    metric: str,
    progress: Callable[[int, int], None] | None = None,
) -> Floats:
    """Probabilities on ``test`` from frozen features.

    The weight decay is the one of four with the best ``metric`` on the validation split.

    Args:
        classifier: its backbone is used as it stands, its head is not.
        training: pictures that the regression learns from.
        validation: pictures that choose the weight decay.
        test: pictures that are answered.
        metric: a registered metric's name.
        progress: is told how many pictures are seen.

    Returns:
        float32, count × classes; rows sum to 1.
    """
    splits = (training, validation, test)
    total, done = sum(len(pictures) for pictures in splits), 0
    features: list[tuple[Tensor, Tensor]] = []
    for pictures in splits:
        parts = []
        for batch, truth in evaluation_batches(pictures, _BATCH):
            parts.append((_embed(classifier, batch), truth))
            done += len(truth)
            if progress:
                progress(done, total)
        embeddings, truths = zip(*parts, strict=True)
        features.append((torch.cat(embeddings), torch.cat(truths)))
    (learn, learn_truth), (choose, choose_truth), (answer, _) = _standardised(features)
    classes = classifier.head.out_features
    measured = METRICS.get(metric)
    best: tuple[float, Floats] | None = None
    for decay in _DECAYS:
        regression = _logistic_regression(learn, learn_truth, classes, decay)
        reached = measured(choose_truth.numpy(), regression(choose).numpy())
        if measured.improves(reached, best[0] if best else None):
            best = reached, regression(answer).numpy().astype(np.float32)
    if best is None:
        raise AssertionError("anything improves on nothing")
    return best[1]


@torch.inference_mode()
def _embed(classifier: Classifier, pictures: Tensor) -> Tensor:
    embedding: Tensor = classifier.eval()(pictures)[1]
    return embedding


def _standardised(features: Sequence[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor]]:
    """Every feature to mean 0 and deviation 1, as the first split has them."""
    first = features[0][0]
    mean, deviation = first.mean(0), first.std(0).clamp_min(1e-6)
    return [((embedding - mean) / deviation, truth) for embedding, truth in features]


def _logistic_regression(
    features: Tensor, truth: Tensor, classes: int, decay: float
) -> Callable[[Tensor], Tensor]:
    weight = torch.zeros(features.shape[1], classes, requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=_LBFGS_STEPS, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(features @ weight + bias, truth)
        loss = loss + decay * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return lambda other: torch.softmax(other @ weight.detach() + bias.detach(), dim=1)
