"""Formats of labelled pictures, one file each, behind one door."""

from midrib.datasets.formats import (  # noqa: F401 - they register
    class_folders,
    coco,
    cvat,
    imagefolder,
    instance_masks,
    label_tables,
    labelme,
    masks,
    voc,
    yolo,
)
from midrib.datasets.formats.holding import Holds
from midrib.datasets.formats.interface import (
    DATASET_FORMATS,
    Certainty,
    Entry,
    Format,
    Listing,
    detect_format,
)
from midrib.datasets.formats.placing import Pictures, Placer
from midrib.datasets.formats.writing import Written, write_dataset

__all__ = [
    "DATASET_FORMATS",
    "Certainty",
    "Entry",
    "Format",
    "Holds",
    "Listing",
    "Pictures",
    "Placer",
    "Written",
    "detect_format",
    "write_dataset",
]
