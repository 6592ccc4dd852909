"""From a trained model to a package that is proven to answer like it."""

from midrib.exporting.comparison import ParityLimits
from midrib.exporting.config import ExportConfig
from midrib.exporting.onnx_file import export_onnx, write_onnx
from midrib.exporting.packaging import (
    Packaged,
    decide_otherwise,
    load_packaged,
    make_package,
)
from midrib.exporting.parity import certify

__all__ = [
    "ExportConfig",
    "Packaged",
    "ParityLimits",
    "certify",
    "decide_otherwise",
    "export_onnx",
    "load_packaged",
    "make_package",
    "write_onnx",
]
