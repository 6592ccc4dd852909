"""Inference engines behind one interface, the measured choice between them, and the predictor."""

from midrib.engines.choice import Choice, Measurement, choose_engine, machine_name
from midrib.engines.interface import ENGINES, Engine, EngineOptions, available_engines
from midrib.engines.onnxruntime_engine import OnnxRuntimeEngine
from midrib.engines.openvino_engine import OpenVinoEngine
from midrib.engines.predictor import Predictor, load_predictor
from midrib.engines.rehearsal import rehearse

__all__ = [
    "ENGINES",
    "Choice",
    "Engine",
    "EngineOptions",
    "OnnxRuntimeEngine",
    "OpenVinoEngine",
    "Measurement",
    "Predictor",
    "available_engines",
    "choose_engine",
    "load_predictor",
    "machine_name",
    "rehearse",
]
