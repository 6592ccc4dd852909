"""Inference engines behind one interface, the measured choice between them, and the predictor."""

from midrib.engines.choice import AUTO, Choice, Measurement, choose_engine
from midrib.engines.interface import (
    CPU,
    ENGINES,
    Engine,
    EngineOptions,
    Precision,
    available_engines,
    require_options,
)
from midrib.engines.onnxruntime_engine import OnnxRuntimeEngine
from midrib.engines.openvino_engine import OpenVinoEngine
from midrib.engines.predictor import Predictor, load_predictor
from midrib.engines.rehearsal import rehearse

__all__ = [
    "AUTO",
    "CPU",
    "ENGINES",
    "Choice",
    "Engine",
    "EngineOptions",
    "Measurement",
    "OnnxRuntimeEngine",
    "OpenVinoEngine",
    "Precision",
    "Predictor",
    "available_engines",
    "choose_engine",
    "load_predictor",
    "rehearse",
    "require_options",
]
