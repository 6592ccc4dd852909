"""The verbs, in the order of the path.

    check ─▶ split ─▶ train ─▶ export ─▶ evaluate ─▶ publish ─▶ release ─▶ serve ─▶ monitor
                                                                   ▲── rollback ──┘

Each is one function: plain arguments in, a result with ``as_record()`` and ``lines()`` out.
``train`` goes the path up to ``publish``, so that ``train`` and ``serve`` are the whole product.
What needs the lab or the state is loaded on first use: who predicts or serves a package needs
neither.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from midrib.extras import missing_extra
from midrib.pipeline.data import (
    Converted,
    DataDifference,
    Indexed,
    Layout,
    Quarantined,
    Sampled,
    Shown,
    SplitResult,
    Tiled,
    VersionList,
    check,
    convert,
    data_versions,
    diff_data,
    fix,
    index_data,
    quarantine,
    sample_data,
    show_data,
    split,
    tile,
)
from midrib.pipeline.doctor import Checkup, doctor
from midrib.pipeline.running import Monitored, Predictions, monitor, predict, serve
from midrib.pipeline.targets import CardShown, Verified, open_target, show_package, verify
from midrib.reporting import SILENT, Reporter

if TYPE_CHECKING:
    from midrib.pipeline.backbone_list import BackboneFilter, BackboneList, list_backbones
    from midrib.pipeline.backbone_shown import BackboneShown, show_backbone
    from midrib.pipeline.comparing import ComparedBackbones, compare_backbones
    from midrib.pipeline.evaluating import EvaluationResult, evaluate
    from midrib.pipeline.explaining import Explained, explain
    from midrib.pipeline.exporting import Exported, export
    from midrib.pipeline.making import Trained, train
    from midrib.pipeline.releasing import (
        ModelList,
        Published,
        Switched,
        models,
        publish,
        release,
        rollback,
    )

__all__ = [
    "SILENT",
    "BackboneFilter",
    "BackboneList",
    "BackboneShown",
    "CardShown",
    "Checkup",
    "ComparedBackbones",
    "Converted",
    "DataDifference",
    "EvaluationResult",
    "Explained",
    "Exported",
    "Indexed",
    "Layout",
    "ModelList",
    "Monitored",
    "Predictions",
    "Published",
    "Quarantined",
    "Reporter",
    "Sampled",
    "Shown",
    "SplitResult",
    "Switched",
    "Tiled",
    "Trained",
    "Verified",
    "VersionList",
    "check",
    "compare_backbones",
    "convert",
    "data_versions",
    "diff_data",
    "doctor",
    "evaluate",
    "explain",
    "export",
    "fix",
    "index_data",
    "list_backbones",
    "models",
    "monitor",
    "open_target",
    "predict",
    "publish",
    "quarantine",
    "release",
    "rollback",
    "sample_data",
    "serve",
    "show_backbone",
    "show_data",
    "show_package",
    "split",
    "tile",
    "train",
    "verify",
]

_LAZY = {
    "backbone_list": {"BackboneFilter", "BackboneList", "list_backbones"},
    "backbone_shown": {"BackboneShown", "show_backbone"},
    "making": {"Trained", "train"},
    "explaining": {"Explained", "explain"},
    "exporting": {"Exported", "export"},
    "evaluating": {"EvaluationResult", "evaluate"},
    "comparing": {"ComparedBackbones", "compare_backbones"},
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = next((room for room, names in _LAZY.items() if name in names), "releasing")
    try:
        return getattr(import_module(f"midrib.pipeline.{room}"), name)
    except ModuleNotFoundError as missing:
        lacking = missing_extra(f"midrib.{name}", missing)
        if lacking is None:
            raise
        raise lacking from missing
