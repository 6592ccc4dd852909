"""Detectors over any backbone: one file an algorithm.

plan ─▶ anchors ─▶ matching ─▶ scoring: what an answer costs
maps ─▶ head ─▶ coding: an answer in pixels of the input
"""

from midrib.tasks.detection.interface import Detector, PyramidDetector, Seen, ServedDetector
from midrib.tasks.detection.targets import Target

__all__ = [
    "Detector",
    "PyramidDetector",
    "Seen",
    "ServedDetector",
    "Target",
]
