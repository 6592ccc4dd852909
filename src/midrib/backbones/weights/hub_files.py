"""Published weights on this disk: fetched once, pinned when first seen, kept as safetensors.

What a name of a hub stands for can change. The first time that weights are taken, their revision
and hash are written beside them; from then on that name means these, whatever the hub says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from filelock import FileLock

from midrib.backbones.weights.conversion_process import convert_apart
from midrib.backbones.weights.foreign_caches import in_foreign_cache
from midrib.backbones.weights.hub import HUB, SHA256, HubWeights, Pinned, hash_in_name
from midrib.backbones.weights.origin import Start, Weights
from midrib.downloads import download_bar, fetch_file, is_reachable
from midrib.errors import StorageError
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings
from midrib.storage import file_sha256, read_json, storage_errors, write_json

MAIN = "main"
_ASK_SECONDS = 10.0
_MOST_BYTES = 20_000_000_000
"""More than any published backbone has."""


class HubFolder:
    """Weights of hubs below the home folder.

    Args:
        settings: where they are kept, where the hubs are and whether the network may be used.
        reporter: is told how far a download is.
    """

    def __init__(self, settings: Settings, reporter: Reporter = SILENT) -> None:
        self._settings = settings
        self._reporter = reporter
        self._folder = settings.weights / HUB

    def is_at_hand(self, weights: HubWeights) -> bool:
        """Whether the weights can be had without asking a hub that may not answer."""
        if self._kept(weights, MAIN) or in_foreign_cache(weights, MAIN):
            return True
        return not self._settings.offline and is_reachable(self._host(weights))

    def start(self, weights: HubWeights, revision: str = "") -> Start:
        """The weights as safetensors, fetched and converted unless they are kept already.

        Raises ``StorageError`` when they cannot be had or are not those that were seen before.
        """
        revision = revision or MAIN
        pinned = self._kept(weights, revision)
        if pinned is None:
            self._require_obtainable(weights, revision)
            with self._alone(weights):
                pinned = self._kept(weights, revision) or self._take(weights, revision)
        suffix = f"@{pinned.revision}" if pinned.revision else ""
        told = Weights(
            origin=f"hub: {weights.title}{suffix[:13]}",
            licence=weights.licence,
            source=f"{HUB}:{weights.title}{suffix}",
            sha256=pinned.sha256,
        )
        return Start(self._converted(weights, pinned), told)

    def _require_obtainable(self, weights: HubWeights, revision: str) -> None:
        """Raise ``StorageError`` offline, with what would be fetched, unless others keep it."""
        pinned = self._pinned(weights, revision)
        wanted = pinned.revision if pinned else revision
        if self._settings.offline and in_foreign_cache(weights, wanted) is None:
            size = f" ({weights.megabytes:.0f} MB)" if weights.megabytes else ""
            raise StorageError(
                f"MIDRIB_OFFLINE is set and {weights.title}{size} is not here yet",
                expected="weights that were fetched before",
                todo="unset MIDRIB_OFFLINE once, or choose other weights",
            )

    @contextmanager
    def _alone(self, weights: HubWeights) -> Iterator[None]:
        """Keep other processes from taking the same weights meanwhile."""
        downloads = self._settings.downloads
        with storage_errors(downloads):
            downloads.mkdir(parents=True, exist_ok=True)
            lock = FileLock(downloads / f"{_slug(weights)}.lock")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _take(self, weights: HubWeights, revision: str) -> Pinned:
        """Fetch and convert; what was seen before under that name must be seen again."""
        pinned = self._pinned(weights, revision)
        wanted = pinned.revision if pinned else revision
        file, found = in_foreign_cache(weights, wanted) or self._fetch(weights, wanted)
        try:
            if pinned is not None and found != pinned:
                raise StorageError(
                    f"{weights.title} is no longer what it was: hash {found.sha256[:12]}…",
                    expected=f"{pinned.sha256[:12]}…, as it was first seen here",
                    todo=f"remove {self._record(weights, revision)} if the change is meant",
                )
            converted = self._converted(weights, found)
            convert_apart(weights.library, weights.model, file, found.sha256, converted)
        finally:
            # What others keep in their caches is theirs.
            if file.is_relative_to(self._settings.downloads):
                file.unlink()
        for name in {revision, found.revision or revision}:
            write_json(self._record(weights, name), asdict(found))
        return found

    def _fetch(self, weights: HubWeights, revision: str) -> tuple[Path, Pinned]:
        if weights.repository:
            return self._fetch_from_hugging_face(weights, revision)
        return self._fetch_from_url(weights)

    def _fetch_from_hugging_face(self, weights: HubWeights, revision: str) -> tuple[Path, Pinned]:
        """Ask the hub for commit, hash and place of the file, then fetch it with resume."""
        url, commit, sha256, size = _ask_hugging_face(
            weights, revision, self._settings.hugging_face_url or None
        )
        file = self._download(weights, f"{sha256}.safetensors", url, sha256, size)
        return file, Pinned(weights.title, commit, sha256)

    def _fetch_from_url(self, weights: HubWeights) -> tuple[Path, Pinned]:
        """Fetch a file whose name ends in the first digits of its hash."""
        digits = hash_in_name(weights)
        if digits is None:
            raise StorageError(
                f"{weights.url} tells no hash",
                expected="weights that can be checked",
                todo="choose other weights",
            )
        url = self._mirrored(weights)
        file = self._download(weights, weights.file_name, url, digits, _MOST_BYTES)
        return file, Pinned(weights.title, "", file_sha256(file))

    def _download(
        self, weights: HubWeights, name: str, url: str, sha256: str, most_bytes: int
    ) -> Path:
        with download_bar(self._reporter, weights.title) as progress:
            return fetch_file(
                url,
                self._settings.downloads / name,
                sha256=sha256,
                most_bytes=most_bytes,
                progress=progress,
            )

    def _host(self, weights: HubWeights) -> str:
        if not weights.repository:
            return urljoin(self._mirrored(weights), "/")
        from huggingface_hub import constants

        return self._settings.hugging_face_url or str(constants.ENDPOINT)

    def _mirrored(self, weights: HubWeights) -> str:
        """Where the file is: at the mirror of torchvision's server, where one is set up."""
        mirror = self._settings.pytorch_url
        if weights.library != "torchvision" or not mirror:
            return weights.url
        return mirror.rstrip("/") + urlsplit(weights.url).path

    def _kept(self, weights: HubWeights, revision: str) -> Pinned | None:
        """What the name was seen to stand for, if that is here."""
        pinned = self._pinned(weights, revision)
        here = pinned is not None and self._converted(weights, pinned).is_file()
        return pinned if here else None

    def _pinned(self, weights: HubWeights, revision: str) -> Pinned | None:
        record = self._record(weights, revision)
        return Pinned(**read_json(record)) if record.is_file() else None

    def _record(self, weights: HubWeights, revision: str) -> Path:
        return self._folder / f"{_slug(weights)}@{_plain(revision)}.json"

    def _converted(self, weights: HubWeights, pinned: Pinned) -> Path:
        return self._folder / f"{_slug(weights)}-{pinned.sha256[:12]}.safetensors"


def _slug(weights: HubWeights) -> str:
    return f"{weights.library}-{_plain(weights.model)}-{_plain(weights.tag)}"


def _plain(text: str) -> str:
    """``text`` as a part of a file name."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text)


def _ask_hugging_face(
    weights: HubWeights, revision: str, endpoint: str | None
) -> tuple[str, str, str, int]:
    """Place, commit, SHA-256 and size in bytes of a file. Raises ``StorageError``."""
    from httpx2 import HTTPError, InvalidURL
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HFValidationError

    try:
        page = hf_hub_url(
            weights.repository, weights.file_name, revision=revision, endpoint=endpoint
        )
        told = get_hf_file_metadata(page, timeout=_ASK_SECONDS, endpoint=endpoint)
    except (HTTPError, InvalidURL, OSError, HFValidationError) as problem:
        reason = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
        raise StorageError(
            f"the hub does not give {weights.title}: {reason}",
            expected=f"{weights.file_name} at revision {revision}",
            todo="check the network and the name, or choose other weights",
        ) from None
    if not (told.commit_hash and told.etag and told.size and SHA256.fullmatch(told.etag)):
        raise StorageError(
            f"the hub tells no hash of {weights.title}",
            expected="a file that can be checked",
            todo="choose other weights",
        )
    return told.location, told.commit_hash, told.etag, told.size
