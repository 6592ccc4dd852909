"""A network cut into stages: what can be frozen together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import nn


def modules_of_stages(network: nn.Module, stage_of: Mapping[str, int]) -> list[list[nn.Module]]:
    """For each stage, the largest modules that hold parameters of it alone.

    Args:
        network: what is cut.
        stage_of: the number of the stage of each parameter.
    """
    stages: dict[int, list[nn.Module]] = {number: [] for number in sorted(set(stage_of.values()))}
    for name, child in network.named_children():
        for number, module in _whole(name, child, stage_of):
            stages[number].append(module)
    return [modules for modules in stages.values() if modules]


def _whole(
    name: str, module: nn.Module, stage_of: Mapping[str, int]
) -> Iterator[tuple[int, nn.Module]]:
    held = {stage_of[f"{name}.{key}"] for key, _ in module.named_parameters()}
    if len(held) == 1:
        yield held.pop(), module
    elif held:
        for key, child in module.named_children():
            yield from _whole(f"{name}.{key}", child, stage_of)
