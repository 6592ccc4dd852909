"""The machine that this process runs on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from midrib.config import fingerprint

_CPU_INFO = Path("/proc/cpuinfo")


def usable_cores() -> int:
    """Cores that this process may run on: less than the machine's in a container or cpuset."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine_name() -> str:
    """The processor, its usable cores and the platform, in one line."""
    model = _cpu_info("model name") or platform.processor() or platform.machine()
    return f"{model}, {usable_cores()} cores, {platform.system()} {platform.machine()}"


def machine_fingerprint() -> str:
    """SHA-256 of what speed depends on: `machine_name` and the processor's instruction sets.

    In virtual machines many processors go by one name, and their instructions tell them apart.
    """
    able = _cpu_info("flags") or _cpu_info("Features")
    return fingerprint([machine_name(), _cpu_info("cpu family"), _cpu_info("model"), able])


def _cpu_info(field: str) -> str:
    """What Linux says of its first processor; empty elsewhere."""
    if not _CPU_INFO.is_file():
        return ""
    for line in _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == field:
            return value.strip()
    return ""
