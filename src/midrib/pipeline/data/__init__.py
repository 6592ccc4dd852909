"""The verbs about data: one file each."""

from midrib.pipeline.data.checking import check
from midrib.pipeline.data.fixing import fix
from midrib.pipeline.data.quarantining import Quarantined, quarantine
from midrib.pipeline.data.reading import read, slug, splits_table
from midrib.pipeline.data.splitting import SplitResult, split

__all__ = [
    "Quarantined",
    "SplitResult",
    "check",
    "fix",
    "quarantine",
    "read",
    "slug",
    "split",
    "splits_table",
]
