"""The verbs about data: one file each."""

from midrib.pipeline.data.checking import check
from midrib.pipeline.data.reading import read, slug, splits_table
from midrib.pipeline.data.splitting import SplitResult, split

__all__ = ["SplitResult", "check", "read", "slug", "split", "splits_table"]
