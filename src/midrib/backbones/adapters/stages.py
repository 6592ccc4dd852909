"""A network cut into stages: what can be frozen together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import nn


def stages_by_number(network: nn.Module) -> dict[str, int]:
    """The stage of each parameter: each child of a network, and theirs where they are numbered."""
    stage_of: dict[str, int] = {}
    numbers: dict[str, int] = {}
    for name, _ in network.named_parameters():
        parts = name.split(".")[:2]
        stage = ".".join(parts if parts[-1].isdigit() else parts[:1])
        stage_of[name] = numbers.setdefault(stage, len(numbers))
    return stage_of


def modules_of_stages(network: nn.Module, stage_of: Mapping[str, int]) -> list[list[nn.Module]]:
    """For each stage, the largest modules that hold parameters of it alone.

    Args:
        network: what is cut.
        stage_of: the number of the stage of each parameter, under the first of its names.
    """
    stages: dict[int, list[nn.Module]] = {number: [] for number in sorted(set(stage_of.values()))}
    for name, child in network.named_children():
        for number, module in _whole(name, child, stage_of):
            stages[number].append(module)
    return [modules for modules in stages.values() if modules]


def _whole(
    name: str, module: nn.Module, stage_of: Mapping[str, int]
) -> Iterator[tuple[int, nn.Module]]:
    # A layer that stands in two places, as CoaT's position encodings, belongs to the first alone.
    held = {stage_of.get(f"{name}.{key}") for key, _ in module.named_parameters()}
    known = {number for number in held if number is not None}
    if len(held) == len(known) == 1:
        yield known.pop(), module
    elif known:
        for key, child in module.named_children():
            yield from _whole(f"{name}.{key}", child, stage_of)
