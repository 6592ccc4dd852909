"""What is wrong with a dataset: one check a kind of fault, all in one registry.

    read_dataset ─▶ check_dataset ─▶ HealthReport(findings by kind)

Checks look at what inspection measured and at embeddings if there are any. The only files opened
again are those of pictures whose fingerprints are close, to compare their pixels.
"""

from midrib.datasets.health import kinds as _kinds  # noqa: F401 - importing it registers the checks
from midrib.datasets.health.checks import CHECKS, Check, Finding, Gravity, Remedy, check
from midrib.datasets.health.evidence import Evidence
from midrib.datasets.health.kinds.files import proper_suffix
from midrib.datasets.health.report import HealthReport, check_dataset
from midrib.datasets.health.spread import Spread

__all__ = [
    "CHECKS",
    "Check",
    "Evidence",
    "Finding",
    "Gravity",
    "HealthReport",
    "Remedy",
    "Spread",
    "check",
    "check_dataset",
    "proper_suffix",
]
