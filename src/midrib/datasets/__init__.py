"""Labelled pictures: read, checked, split, named by their content. No torch.

    read_dataset ─▶ check_dataset     what is in there, and what is wrong with it
                 └▶ split_dataset ─▶ save_splits     who learns, who tunes, who judges

A dataset has no state of its own on disk but the split: pictures stay where they are, and
`Dataset.version` names exactly what was learnt from.
"""

from midrib.datasets.records import SPLITS, Dataset, Item, Problem, Split

__all__ = ["SPLITS", "Dataset", "Item", "Problem", "Split"]
