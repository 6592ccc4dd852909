"""From a trained model to a file that is proven to answer like it."""

from midrib.exporting.onnx_file import export_onnx
from midrib.exporting.parity import ParityLimits, certify

__all__ = ["ParityLimits", "certify", "export_onnx"]
