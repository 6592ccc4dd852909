"""The verbs about data: one file each."""

from midrib.pipeline.data.checking import check
from midrib.pipeline.data.fixing import fix
from midrib.pipeline.data.quarantining import Quarantined, quarantine
from midrib.pipeline.data.reading import read, slug, splits_table
from midrib.pipeline.data.sampling import Sampled, sample_data
from midrib.pipeline.data.showing import Layout, Shown, show_data
from midrib.pipeline.data.splitting import SplitResult, split

__all__ = [
    "Layout",
    "Quarantined",
    "Sampled",
    "Shown",
    "SplitResult",
    "check",
    "fix",
    "quarantine",
    "read",
    "sample_data",
    "show_data",
    "slug",
    "split",
    "splits_table",
]
