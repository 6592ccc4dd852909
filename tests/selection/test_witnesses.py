"""What the machine tells: energy, memory, other processes; and what is kept of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from midrib.errors import UsageError
from midrib.selection import Cell, CostConfig, Findings, Round, Spread
from midrib.selection.energy import EnergyMeter
from midrib.selection.kept import KeptCosts
from midrib.selection.neighbours import Neighbours
from midrib.selection.quantizing import noise_pictures

RANGE = 262_143_328_850
# In a process of its own: this one may give back what earlier tests took.
GROWN = """
import numpy as np
from midrib.selection.memory import MemoryGrowth
growth = MemoryGrowth()
taken = np.ones(64 << 20, dtype=np.uint8)
del taken
print(growth.peak_bytes())
"""
ROUND = Round(
    when="2026-11-22T01:00:00+00:00",
    calls=10,
    p50_ms=1.5,
    p99_ms=2.5,
    pictures_per_second=700.0,
    load_seconds=0.25,
    memory_bytes=3_000_000,
    batch_memory_bytes=None,
    joules=None,
    foreign_cores=0.1,
)
CELL = Cell("resnet18", "onnxruntime", "fp32")


def zone(powercap: Path, name: str, what: str, microjoules: int) -> Path:
    """A power zone as Linux shows it."""
    folder = powercap / name
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{what}\n")
    (folder / "max_energy_range_uj").write_text(f"{RANGE}\n")
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    return folder / "energy_uj"


def test_energy_is_summed_over_packages(tmp_path: Path) -> None:
    """Whole packages are counted, neither their parts nor the platform that holds them."""
    first = zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    second = zone(tmp_path, "intel-rapl:1", "package-1", 5)
    part = zone(tmp_path, "intel-rapl:0:0", "core", 0)
    platform = zone(tmp_path, "intel-rapl:2", "psys", 0)
    meter = EnergyMeter(tmp_path)
    assert meter.reason == ""
    first.write_text("3500000\n")
    second.write_text("500005\n")
    part.write_text("900000000\n")
    platform.write_text("900000000\n")
    assert meter.joules() == pytest.approx(3.0)


def test_energy_counter_may_start_again(tmp_path: Path) -> None:
    """A counter that has run over its range is read on from zero."""
    counter = zone(tmp_path, "intel-rapl:0", "package-0", RANGE - 1_000_000)
    meter = EnergyMeter(tmp_path)
    counter.write_text("500000")
    assert meter.joules() == pytest.approx(1.5)


def test_energy_says_why_it_is_not_told(tmp_path: Path) -> None:
    """Without a package, or with one that cannot be read, there is a reason and no figure."""
    assert "no processor package" in EnergyMeter(tmp_path / "none").reason
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 0)
    counter.unlink()
    counter.mkdir()  # refuses to be read, whoever reads
    meter = EnergyMeter(tmp_path)
    assert "cannot be read" in meter.reason
    assert meter.joules() is None


def test_memory_growth_is_that_of_the_peak() -> None:
    """What was taken and given back counts too."""
    told = subprocess.run([sys.executable, "-c", GROWN], capture_output=True, check=True)
    size = 64 << 20
    assert size * 0.9 < int(told.stdout) < size * 1.5


def test_own_work_is_no_neighbour() -> None:
    """Cores of others are counted from the machine's and without one's own."""
    neighbours = Neighbours()
    sum(number * number for number in range(2_000_000))
    cores = neighbours.cores()
    assert cores is not None
    assert cores >= 0


def test_spread_is_median_and_bounds() -> None:
    """Three rounds give their median between the smallest and the largest."""
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)


def test_findings_are_kept_by_what_they_depend_on(tmp_path: Path) -> None:
    """Each option that changes a figure has findings of its own; the count of rounds does not."""
    found = Findings(file_bytes=7, rounds=(ROUND, ROUND))
    kept = KeptCosts(tmp_path, CostConfig(threads=1))
    kept.keep(CELL, found)
    assert kept.findings(CELL) == found
    assert KeptCosts(tmp_path, CostConfig(threads=1, rounds=9)).findings(CELL) == found
    for other in ({"batch": 3}, {"size": 64}, {"threads": 2}, {"seconds": 9.0}):
        config = CostConfig(**{"threads": 1, **other})
        assert KeptCosts(tmp_path, config).findings(CELL) == Findings()
    kept.forget(CELL)
    assert kept.findings(CELL) == Findings()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"rounds": [{"when": 3}]}', '{"more": 1}'])
def test_damaged_findings_count_as_none(tmp_path: Path, content: str) -> None:
    """A kept file that is cut off or of another midrib is measured anew, never an error."""
    kept = KeptCosts(tmp_path, CostConfig())
    kept.keep(CELL, Findings(rounds=(ROUND,)))
    [file] = tmp_path.rglob("*.json")
    file.write_text(content)
    assert kept.findings(CELL) == Findings()


def test_two_measurements_would_slow_each_other(tmp_path: Path) -> None:
    """While costs are measured in a home, another measurement there is refused."""
    kept = KeptCosts(tmp_path, CostConfig())
    with kept.locked(), pytest.raises(UsageError, match="already"), kept.locked():
        pass
    with kept.locked():
        pass


def test_noise_is_the_same_at_every_call() -> None:
    """Pictures are uint8 of the size that was asked for, and always the same."""
    pictures = noise_pictures(3, 20, 30)
    assert pictures.shape == (3, 20, 30, 3)
    assert pictures.dtype == np.uint8
    assert np.array_equal(pictures, noise_pictures(3, 20, 30))
    assert len(np.unique(pictures)) > 50
