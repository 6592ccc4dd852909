"""midrib: from a folder of pictures to a running, watched, reversible vision service.

The verbs are functions, loaded on first use, so that importing midrib costs nothing:

    import midrib as m

    trained = m.train("my-photos/")
    print(m.predict(trained.name, ["new.jpg"]).lines())
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from midrib.pipeline import (
        check,
        compare_backbones,
        convert,
        data_versions,
        diff_data,
        doctor,
        evaluate,
        export,
        fix,
        index_data,
        list_backbones,
        models,
        monitor,
        predict,
        publish,
        quarantine,
        release,
        rollback,
        sample_data,
        serve,
        show_backbone,
        show_data,
        show_package,
        split,
        tile,
        train,
        verify,
    )

__all__ = [
    "check",
    "compare_backbones",
    "convert",
    "data_versions",
    "diff_data",
    "doctor",
    "evaluate",
    "export",
    "fix",
    "index_data",
    "list_backbones",
    "models",
    "monitor",
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

_UNTOLD = {
    "ORT_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "NNCF_CI": "1",
}
# ONNX Runtime would send names and hashes of models to its makers, the others what is called.
# They look when they are loaded, which is after this. What the user has set stands.
for _switch, _value in _UNTOLD.items():
    os.environ.setdefault(_switch, _value)


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from midrib import pipeline

    return getattr(pipeline, name)


def __dir__() -> list[str]:
    return __all__
