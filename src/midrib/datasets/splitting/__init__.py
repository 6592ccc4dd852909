"""Splits that do not leak.

config     shares, what stays together, by draw, time or space
facts      what paths and EXIF say: group, time, place
units      what must not be divided, and what bridges two splits
drawing    the stratified draw
ordering   time instead of a draw
space      strips of big pictures instead of a draw
dividing   all of it: every picture gets a split or is set aside
"""

from midrib.datasets.splitting.config import SplitConfig
from midrib.datasets.splitting.dividing import IN_THE_GAP, SET_ASIDE, split_dataset
from midrib.datasets.splitting.leakage import Leak, find_leaks, require_no_leaks

__all__ = [
    "IN_THE_GAP",
    "SET_ASIDE",
    "Leak",
    "SplitConfig",
    "find_leaks",
    "require_no_leaks",
    "split_dataset",
]
