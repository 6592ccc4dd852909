"""The verbs about data: one file each."""

from midrib.pipeline.data.checking import check
from midrib.pipeline.data.converting import Converted, convert
from midrib.pipeline.data.differing import DataDifference, diff_data
from midrib.pipeline.data.fixing import fix
from midrib.pipeline.data.indexing import Indexed, index_data
from midrib.pipeline.data.quarantining import Quarantined, quarantine
from midrib.pipeline.data.reading import read, slug, splits_table
from midrib.pipeline.data.sampling import Sampled, sample_data
from midrib.pipeline.data.showing import Layout, Shown, show_data
from midrib.pipeline.data.splitting import SplitResult, split
from midrib.pipeline.data.tiling import Tiled, tile
from midrib.pipeline.data.versions import VersionList, data_versions, keep

__all__ = [
    "Converted",
    "DataDifference",
    "Indexed",
    "Layout",
    "Quarantined",
    "Sampled",
    "Shown",
    "SplitResult",
    "Tiled",
    "VersionList",
    "check",
    "convert",
    "data_versions",
    "diff_data",
    "fix",
    "index_data",
    "keep",
    "quarantine",
    "read",
    "sample_data",
    "show_data",
    "slug",
    "split",
    "splits_table",
    "tile",
]
