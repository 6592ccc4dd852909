"""The limit: the server's decoder and engine on the same file, in threads, without a server."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from statistics import median
from threading import Thread

from benchmarks.harness import interleaved
from benchmarks.load import Seen
from midrib.engines import EngineOptions, Predictor, load_predictor
from midrib.machine import usable_cores
from midrib.packages import Package


@dataclass(frozen=True)
class Layout:
    """How the cores are shared: callers at once, and the threads of each call of the engine."""

    callers: int
    threads: int

    def __str__(self) -> str:
        return f"{self.callers} × {self.threads}"


def layouts(clients: int) -> list[Layout]:
    """Those that may be best when so many ask at once."""
    cores = usable_cores()
    found = {
        Layout(callers, threads) for callers in (1, cores, cores + 1) for threads in (1, cores)
    }
    return sorted((layout for layout in found if layout.callers <= clients), key=str)


class InProcess:
    """The model in one engine, loaded once for each number of threads."""

    def __init__(self, package: Package, engine: str) -> None:
        self._predictors: dict[int, Predictor] = {
            threads: load_predictor(package, engine=engine, options=EngineOptions(threads=threads))
            for threads in {1, usable_cores()}
        }

    def ask(self, data: bytes, layout: Layout, *, seconds: float) -> Seen:
        """Predict again and again in each caller; the milliseconds are of one prediction."""
        predictor, seen = self._predictors[layout.threads], Seen()
        started, cpu_started = time.perf_counter(), time.process_time()

        def call() -> None:
            while (asked := time.perf_counter()) < started + seconds:
                predictor.predict([data])
                seen.milliseconds.append((time.perf_counter() - asked) * 1000)

        threads = [Thread(target=call) for _ in range(layout.callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen.seconds = time.perf_counter() - started
        seen.cpu_seconds = time.process_time() - cpu_started
        return seen

    def best_layout(self, data: bytes, *, clients: int, seconds: float) -> Layout:
        """The layout that answers most, by the median of three interleaved tries."""
        tries = interleaved(
            {
                str(layout): partial(self.ask, data, layout, seconds=seconds)
                for layout in layouts(clients)
            },
            rounds=3,
        )
        return max(
            layouts(clients),
            key=lambda layout: median(seen.per_second for seen in tries[str(layout)]),
        )
