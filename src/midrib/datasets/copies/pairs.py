"""Candidates compared pixel by pixel: a few here, many in processes, one a core.

Threads would not do: what is computed for a pair is so small that they wait for Python's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from midrib.datasets.copies.candidates import Candidate
from midrib.datasets.copies.fingerprints import Turn, Window
from midrib.datasets.copies.thumbnails import Thumbnails
from midrib.datasets.copies.verification import Comparison, compare
from midrib.errors import DatasetError
from midrib.machine import usable_cores
from midrib.work import WorkError, ask

_PORTION = 400  # pairs: some seconds, many times what starting a process takes
_LONGEST_SECONDS = 3600
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_WORK = "midrib.datasets.copies.pairs:answer"


def compare_pairs(
    paths: Sequence[Path], candidates: Sequence[Candidate], tell: Callable[[int], None]
) -> list[Comparison]:
    """Compare candidates, in their order.

    Args:
        paths: of the pictures, by the places that candidates name.
        candidates: the pairs.
        tell: called with how many are done.

    Raises:
        DatasetError: a picture has changed since it was read.
    """
    portions = [
        candidates[start : start + _PORTION] for start in range(0, len(candidates), _PORTION)
    ]
    if len(portions) < 2 or usable_cores() < 2:
        return _compare_here(paths, candidates, tell)
    compared: list[Comparison] = []
    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="midrib-copies") as pool:
        for found in pool.map(partial(_compare_elsewhere, paths), portions):
            compared.extend(found)
            tell(len(compared))
    return compared


def answer(request: dict[str, Any]) -> list[tuple[float, Window]]:
    """Compare the pairs of a request, in the process that was started for it."""
    thumbnails = Thumbnails({int(place): Path(path) for place, path in request["paths"].items()})
    found = [
        compare(
            thumbnails[crop], thumbnails[of], turn=Turn(*map(bool, turn)), window=Window(*window)
        )
        for crop, of, turn, window in request["pairs"]
    ]
    return [(each.similarity, each.window) for each in found]


def _compare_here(
    paths: Sequence[Path], candidates: Sequence[Candidate], tell: Callable[[int], None]
) -> list[Comparison]:
    thumbnails = Thumbnails(dict(enumerate(paths)))
    compared: list[Comparison] = []
    for each in candidates:
        compared.append(
            compare(thumbnails[each.crop], thumbnails[each.of], turn=each.turn, window=each.window)
        )
        tell(len(compared))
    return compared


def _compare_elsewhere(paths: Sequence[Path], portion: Sequence[Candidate]) -> list[Comparison]:
    places = {place for each in portion for place in (each.crop, each.of)}
    request = {
        "paths": {place: str(paths[place]) for place in sorted(places)},
        "pairs": [(each.crop, each.of, each.turn, each.window) for each in portion],
    }
    try:
        answered = ask(_WORK, request, seconds=_LONGEST_SECONDS, environment=_ONE_THREAD)
    except WorkError as problem:
        raise DatasetError(f"pictures could not be compared: {problem.came}") from None
    return [
        Comparison(similarity, each.turn, Window(*window))
        for each, (similarity, window) in zip(portion, answered, strict=True)
    ]
