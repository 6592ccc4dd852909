"""Watch what a served model is asked and what it answers.

`PredictionLog` writes, off the hot path; `monitor` reads, and compares with what the package's
reference says. Both need the extra 'server'; importing this does not.
"""

from midrib.monitoring.drift import Comparison, compare, population_stability_index
from midrib.monitoring.prediction_log import LogConfig, LogCounts, LoggedPrediction, PredictionLog
from midrib.monitoring.watch import VersionWatch, Watch, monitor

__all__ = [
    "Comparison",
    "LogConfig",
    "LogCounts",
    "LoggedPrediction",
    "PredictionLog",
    "VersionWatch",
    "Watch",
    "compare",
    "monitor",
    "population_stability_index",
]
