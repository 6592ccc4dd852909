"""What fine-tuning has to beat: a linear probe, compared on the same pictures."""

from __future__ import annotations

import numpy as np
from safetensors.numpy import load_file, save

from midrib.evaluation.report import Baseline
from midrib.metrics import METRICS, paired_bootstrap
from midrib.pipeline import Trained
from midrib.records import Floats
from midrib.reporting import Reporter
from midrib.settings import Settings
from midrib.storage import write_bytes
from midrib.training import Pictures, linear_probe, new_classifier

_FILE = "linear-probe.safetensors"
_METRIC = "roc_auc"


def measure_baseline(trained: Trained, settings: Settings, reporter: Reporter) -> Baseline:
    """Probe the backbone that training started from; kept with the run. Raises ``StorageError``."""
    file = trained.run.path / _FILE
    if not file.is_file():
        write_bytes(file, save({"answer": _probe(trained, settings, reporter)}))
    answer = load_file(file)["answer"]
    # The model's own rows leave out what could not be read; both were asked the same files.
    places = {item.path: index for index, item in enumerate(trained.dataset.of("test"))}
    rows = np.array([places[path] for path in trained.test.paths])
    metric, truth = METRICS.get(_METRIC), trained.test.truth
    return Baseline(
        name="a linear probe on the pretrained backbone",
        value=metric(truth, answer[rows]),
        difference=paired_bootstrap(metric, truth, trained.test.answer, answer[rows]),
    )


def _probe(trained: Trained, settings: Settings, reporter: Reporter) -> Floats:
    record = trained.run.record()
    classifier = new_classifier(record.train, len(record.labels), settings)
    splits = {
        split: Pictures(trained.dataset.of(split), record.labels, record.recipe)
        for split in ("train", "validation", "test")
    }
    with reporter.bar("linear probe") as advance:
        return linear_probe(
            classifier,
            splits["train"],
            splits["validation"],
            splits["test"],
            metric=_METRIC,
            progress=lambda done, total: advance(done, total, ""),
        )
