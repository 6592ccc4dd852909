"""What the extras of the distribution carry, and who must be asked to install one."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType

from midrib.errors import MissingExtraError

EXTRAS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "lab": (
            "torch",
            "torchvision",
            "timm",
            "lightning_fabric",
            "mlflow",
            "nncf",
            "onnx",
            "onnxscript",
            "safetensors",
            "tensorboard",
            "matplotlib",
            "jinja2",
            "huggingface_hub",
            "httpx2",
            "ijson",
            "defusedxml",
            "pycocotools",
            "faster_coco_eval",
            "segmentation_models_pytorch",
            "yaml",
            "scipy",
        ),
        "server": ("sqlalchemy", "alembic", "pyarrow", "duckdb"),
        "openvino": ("openvino",),
        "s3": ("s3fs",),
    }
)
"""The modules that each extra brings, by the names under which they are imported."""


def missing_modules(extra: str) -> list[str]:
    """Those of an extra's modules that are not installed. Nothing is imported."""
    return [module for module in EXTRAS[extra] if find_spec(module) is None]


def require_extra(what: str, extra: str) -> None:
    """Raise ``MissingExtraError`` for ``what`` unless all of ``extra`` is installed."""
    if missing := missing_modules(extra):
        raise MissingExtraError(f"{what} ({missing[0]})", extra=extra)


def missing_extra(what: str, missing: ModuleNotFoundError) -> MissingExtraError | None:
    """The error that names the extra which carries a module; None when none of ours does."""
    module = (missing.name or "").partition(".")[0]
    for extra, modules in EXTRAS.items():
        if module in modules:
            return MissingExtraError(f"{what} ({module})", extra=extra)
    return None
