"""A backbone taken apart: what each of its stages gives and costs, without computing a number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from midrib.backbones.interface import Backbone, Level
from midrib.backbones.listing.costs import parameters
from midrib.backbones.pyramid.alignment import aligned_size


@dataclass(frozen=True)
class Stage:
    """One stage of a backbone.

    ``channels``, ``height`` and ``width`` are those of the map that it gives and ``stride`` the
    level of the pyramid that it lies on. A stage that gives no map (a transformer's, a layer after
    the pool) has no stride, a height and width of 0, and as ``cells`` the tokens that it gives.
    """

    channels: int
    stride: int | None
    height: int
    width: int
    cells: int
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Anatomy:
    """Stages from the stem on, and the size of the picture that they were measured with.

    ``loose_parameters`` are held by no stage: a transformer's tokens.
    """

    height: int
    width: int
    stages: tuple[Stage, ...]
    loose_parameters: int

    @property
    def multiply_adds(self) -> int:
        return sum(stage.multiply_adds for stage in self.stages)


def take_apart(backbone: Backbone, size: tuple[int, int] | None = None) -> Anatomy:
    """Take apart a backbone that is on the meta device, in evaluation.

    Args:
        backbone: what is taken apart.
        size: height and width of the picture; None takes the native ones.

    Raises:
        UsageError: the backbone does not take that size.
    """
    facts, stages = backbone.facts, backbone.stages()
    height, width = size or facts.native_size
    outputs = [_Output() for _ in stages]
    watched = [
        module.register_forward_hook(partial(output.note, whole=module is part))
        for output, modules in zip(outputs, stages, strict=True)
        for part in modules
        for module in part.modules()
    ]
    try:
        costs = _multiply_adds_by_stage(
            partial(backbone, torch.empty(1, facts.in_channels, height, width, device="meta")),
            stages,
        )
    finally:
        for each in watched:
            each.remove()
    held = [sum(parameters(module) for module in modules) for modules in stages]
    found = tuple(
        _stage(output, facts.levels, (height, width), count, cost)
        for output, count, cost in zip(outputs, held, costs, strict=True)
    )
    return Anatomy(height, width, found, loose_parameters=facts.parameters - sum(held))


@dataclass
class _Output:
    """The shape that a stage's last module gave, without the count.

    A module ends after those within it. Traced networks call the innermost alone, and ``whole`` is
    False: what is made of their outputs, as by joining branches, is not seen.
    """

    shape: tuple[int, ...] = ()
    whole: bool = False

    def note(self, _module: nn.Module, _given: object, output: object, *, whole: bool) -> None:
        if isinstance(output, Tensor):
            self.shape, self.whole = tuple(output.shape[1:]), whole


class _StageTurns(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's has no types
    """Calls ``turn`` with the number of a stage whenever one of its parameters is used.

    Hooks would miss what networks compute from parameters outside of their modules, as
    torchvision's Swin and everything that is traced do.
    """

    def __init__(self, stages: Sequence[Sequence[nn.Module]], turn: Callable[[int], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's has no types
        self._turn = turn
        self._stage_of = {
            id(held): number
            for number, modules in enumerate(stages)
            for module in modules
            for held in module.parameters()
        }

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for used in tree_leaves(args):
            if id(used) in self._stage_of:
                self._turn(self._stage_of[id(used)])
        return func(*args, **(kwargs or {}))


def _multiply_adds_by_stage(
    run: Callable[[], object], stages: Sequence[Sequence[nn.Module]]
) -> list[int]:
    """What is computed from the use of a stage's parameters to that of the next one's."""
    counted = [0] * len(stages)
    current, settled = 0, 0
    counter = FlopCounterMode(display=False)

    def turn(number: int) -> None:
        nonlocal current, settled
        total = counter.get_total_flops() // 2
        counted[current] += total - settled
        current, settled = number, total

    with counter, _StageTurns(stages, turn), torch.no_grad():
        run()
    turn(current)
    return counted


def _stage(
    output: _Output,
    levels: tuple[Level, ...],
    size: tuple[int, int],
    held: int,
    multiply_adds: int,
) -> Stage:
    shape = output.shape
    if len(shape) == 2:
        return Stage(shape[1], None, 0, 0, shape[0], held, multiply_adds)
    if not levels or len(shape) != 3 or max(shape[1:]) == 1:
        return Stage(shape[0] if shape else 0, None, 0, 0, 1, held, multiply_adds)
    # Channels come first, or last in some networks: where the rest is the size of a level.
    readings = ((shape[0], shape[1], shape[2]), (shape[2], shape[0], shape[1]))
    (channels, height, width), level = min(
        ((reading, level) for reading in readings for level in levels),
        key=lambda pair: _distance(pair[0], pair[1], size),
    )
    channels = channels if output.whole else level.channels
    return Stage(channels, level.stride, height, width, height * width, held, multiply_adds)


def _distance(reading: tuple[int, int, int], level: Level, size: tuple[int, int]) -> int:
    """Cells that a map's height and width are off those of a level."""
    expected = [aligned_size(side, level.stride) for side in size]
    return sum(abs(own - told) for own, told in zip(reading[1:], expected, strict=True))
