"""What fine-tuning has to beat: a linear probe on the same pictures."""

from __future__ import annotations

import numpy as np
from safetensors.numpy import load_file, save

from midrib.datasets import SPLITS
from midrib.evaluation import require_classified
from midrib.evaluation.report import Baseline
from midrib.metrics import METRICS, paired_bootstrap
from midrib.pipeline import Trained
from midrib.records import Floats
from midrib.reporting import Reporter
from midrib.settings import Settings
from midrib.storage import write_bytes
from midrib.training import Pictures, embed, fit_probe, starting_classifier

_METRIC = "roc_auc"


def measure_baseline(trained: Trained, settings: Settings, reporter: Reporter) -> Baseline:
    """Let a probe of the features before any training answer the test split; kept with the run.

    Raises ``StorageError``.
    """
    if not trained.run.probe.is_file():
        write_bytes(trained.run.probe, save({"answer": _probe(trained, settings, reporter)}))
    answer = load_file(trained.run.probe)["answer"]
    # The model's own rows leave out what could not be read; both were asked the same files.
    places = {item.path: index for index, item in enumerate(trained.dataset.of("test"))}
    test = require_classified(trained.test)
    rows = np.array([places[path] for path in test.paths])
    metric, truth = METRICS.get(_METRIC), test.truth
    return Baseline(
        name="a linear probe on the pretrained backbone",
        value=metric(truth, answer[rows]),
        difference=paired_bootstrap(metric, truth, test.answer, answer[rows]),
    )


def _probe(trained: Trained, settings: Settings, reporter: Reporter) -> Floats:
    """Probabilities on the test split: float32, count × classes."""
    record = trained.run.record()
    untrained = starting_classifier(record, settings)
    training, validation, test = (
        Pictures(trained.dataset.of(split), record.labels, record.recipe) for split in SPLITS
    )
    with reporter.bar("linear probe") as advance:
        probe = fit_probe(
            untrained,
            training,
            validation,
            metric=_METRIC,
            progress=lambda done, total: advance(done, total, ""),
        )
    return probe.answer(embed(untrained, test)[0])
