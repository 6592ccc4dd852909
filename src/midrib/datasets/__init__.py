"""Labelled pictures: read, checked, split, named by their content. No torch.

    read_dataset ─▶ check_dataset     what is in there, and what is wrong with it
                 └▶ split_dataset ─▶ save_splits     who learns, who tunes, who judges

A dataset has no state of its own on disk but the split: pictures stay where they are, and
`Dataset.version` names exactly what was learnt from.
"""

from midrib.datasets.health import HealthReport, check_dataset
from midrib.datasets.reading import read_dataset
from midrib.datasets.records import SPLITS, Dataset, Item, Problem, Split
from midrib.datasets.sources import Source, SourceLimits, open_source, place_of, source_name
from midrib.datasets.splits_file import load_splits, save_splits
from midrib.datasets.splitting import SplitConfig, split_dataset

__all__ = [
    "SPLITS",
    "Dataset",
    "HealthReport",
    "Item",
    "Problem",
    "Source",
    "SourceLimits",
    "Split",
    "SplitConfig",
    "check_dataset",
    "load_splits",
    "open_source",
    "place_of",
    "read_dataset",
    "save_splits",
    "source_name",
    "split_dataset",
]
