"""What fine-tuning has to beat: a linear probe on the same pictures."""

from __future__ import annotations

import numpy as np

from midrib.evaluation.report import Baseline
from midrib.metrics import METRICS, paired_bootstrap
from midrib.pipeline import Trained
from midrib.reporting import Reporter
from midrib.settings import Settings
from midrib.training import LinearProbe, Pictures, embed, fit_probe, new_classifier

_METRIC = "roc_auc"


def measure_baseline(trained: Trained, settings: Settings, reporter: Reporter) -> Baseline:
    """Let a probe of the features before any training answer the test split; kept with the run.

    Raises ``StorageError``.
    """
    record, items = trained.run.record(), trained.dataset.of("test")
    untrained = new_classifier(record.train, len(record.labels), settings)
    if not trained.run.probe.is_file():
        with reporter.bar("linear probe") as advance:
            training, validation = (
                Pictures(trained.dataset.of(split), record.labels, record.recipe)
                for split in ("train", "validation")
            )
            fit_probe(
                untrained,
                training,
                validation,
                metric=_METRIC,
                progress=lambda done, total: advance(done, total, ""),
            ).save(trained.run.probe)
    features, _ = embed(untrained, Pictures(items, record.labels, record.recipe))
    answer = LinearProbe.load(trained.run.probe).answer(features)
    # The model's own rows leave out what could not be read; both were asked the same files.
    places = {item.path: index for index, item in enumerate(items)}
    rows = np.array([places[path] for path in trained.test.paths])
    metric, truth = METRICS.get(_METRIC), trained.test.truth
    return Baseline(
        name="a linear probe on the pretrained backbone",
        value=metric(truth, answer[rows]),
        difference=paired_bootstrap(metric, truth, trained.test.answer, answer[rows]),
    )
