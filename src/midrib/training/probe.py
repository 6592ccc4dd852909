"""The linear probe: logistic regression on features that do not learn. What training must beat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from midrib.metrics import METRICS
from midrib.records import Floats
from midrib.tasks import Classifier
from midrib.training.loading import Pictures, evaluation_batches

Progress = Callable[[int, int], None]

_DECAYS = (1e-4, 1e-3, 1e-2, 1e-1)
_BATCH = 32
_LBFGS_STEPS = 100


@dataclass(frozen=True)
class LinearProbe:
    """Logits are features @ weight + bias.

    ``weight``: float32, features × classes. ``bias``: float32, classes.
    """

    weight: Tensor
    bias: Tensor

    def answer(self, features: Tensor) -> Floats:
        """Probabilities, float32, count × classes, from float32 features, count × features."""
        probabilities: Floats = torch.softmax(features @ self.weight + self.bias, dim=1).numpy()
        return probabilities


def fit_probe(
    classifier: Classifier,
    training: Pictures,
    validation: Pictures,
    *,
    metric: str,
    progress: Progress | None = None,
) -> LinearProbe:
    """Fit a probe on the features that ``classifier`` has now.

    The weight decay is the one of four with the best ``metric`` on the validation split.

    Args:
        classifier: its backbone is used as it stands, its head is not.
        training: pictures that the regression learns from, taken without augmentation.
        validation: pictures that choose the weight decay.
        metric: a registered metric's name.
        progress: is told how many pictures are seen.
    """
    learn, learn_truth = embed(classifier, training, progress)
    choose, choose_truth = embed(classifier, validation, None)
    mean, deviation = learn.mean(0), learn.std(0).clamp_min(1e-6)
    measured = METRICS.get(metric)
    best: tuple[float, LinearProbe] | None = None
    for decay in _DECAYS:
        scaled = _logistic_regression(
            (learn - mean) / deviation, learn_truth, classifier.head.out_features, decay
        )
        # The scaling moves into the probe, so that it takes features as they are.
        weight = (scaled.weight / deviation[:, None]).contiguous()
        probe = LinearProbe(weight, scaled.bias - mean @ weight)
        reached = measured(choose_truth.numpy(), probe.answer(choose))
        if best is None or measured.improves(reached, best[0]):
            best = reached, probe
    if best is None:
        raise AssertionError("anything improves on nothing")
    return best[1]


@torch.no_grad()
def embed(
    classifier: Classifier, pictures: Pictures, progress: Progress | None = None
) -> tuple[Tensor, Tensor]:
    """Pooled features (float32, count × features) and truth (int64, count), unaugmented."""
    classifier.to(memory_format=torch.channels_last).eval()
    features, truths, plain = [], [], pictures.without_augmentation()
    for done, (batch, truth) in enumerate(evaluation_batches(plain, _BATCH), start=1):
        features.append(classifier(batch)[1])
        truths.append(truth)
        if progress:
            progress(min(done * _BATCH, len(plain)), len(plain))
    return torch.cat(features), torch.cat(truths)


def _logistic_regression(
    features: Tensor, truth: Tensor, classes: int, decay: float
) -> LinearProbe:
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
    return LinearProbe(weight.detach(), bias.detach())
