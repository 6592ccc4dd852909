"""Whatever a user names as a source of pictures becomes a local folder or table.

    a folder or table                as it is
    .zip, .tar, .tar.gz, …           unpacked once, known by its content
    s3://, gs://, any fsspec URL     fetched, then one of the above

Copies lie in the home folder and may be deleted at any time.
"""

from midrib.datasets.sources.limits import SourceLimits
from midrib.datasets.sources.opening import Source, open_source, place_of, source_name

__all__ = ["Source", "SourceLimits", "open_source", "place_of", "source_name"]
