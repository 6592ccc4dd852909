"""Read, write and verify a model package: the only thing that crosses from lab to field."""

from midrib.packages.card import Card, Certificate, Decision, ModelInput, Variant
from midrib.packages.reading import Package, Sample, open_package
from midrib.packages.reference import (
    PICTURE_STATISTICS,
    EmbeddingSketch,
    Reference,
    picture_statistics,
)
from midrib.packages.targets import FolderTarget, NameTarget, parse_target
from midrib.packages.verification import Verdict, verify_package
from midrib.packages.writing import PackageContent, restamp_package, write_package

__all__ = [
    "PICTURE_STATISTICS",
    "Card",
    "Certificate",
    "Decision",
    "EmbeddingSketch",
    "FolderTarget",
    "ModelInput",
    "NameTarget",
    "Package",
    "PackageContent",
    "Reference",
    "Sample",
    "Variant",
    "Verdict",
    "open_package",
    "parse_target",
    "picture_statistics",
    "restamp_package",
    "verify_package",
    "write_package",
]
