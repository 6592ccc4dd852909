"""Named recipes for detection and segmentation: what moves a picture moves the objects in it.

none       the whole picture, brought into the frame, the rest black
light      a little larger or smaller, anywhere in the frame, mirrored half of the time
standard   half to one and a half times as large; brightness, contrast and colour by a fifth
strong     three tenths to twice as large, turned by up to ten degrees, strongly coloured

A turned box spans the corners of the one before and so grows; outlines and masks do not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional

from midrib.names import Registry
from midrib.training.randomness import seeded_by
from midrib.training.scenes import Scene, resized_to, transformed

Size = tuple[int, int]
"""Height and width in pixels."""

SceneAugmentation = Callable[[Scene, Size, np.random.Generator], Scene]
"""A scene of any size, the size wanted and a source of randomness, to a scene of that size."""

SCENE_AUGMENTATIONS: Registry[SceneAugmentation] = Registry("scene augmentation")


@SCENE_AUGMENTATIONS.register("none")
def none(scene: Scene, size: Size, random: np.random.Generator) -> Scene:
    """The whole picture in the middle of the frame, its aspect ratio kept."""
    return _augmented(scene, random, _in_the_middle(size))


@SCENE_AUGMENTATIONS.register("light")
def light(scene: Scene, size: Size, random: np.random.Generator) -> Scene:
    """0.8 to 1.25 times as large as what fits the frame, mirrored half of the time."""
    return _augmented(scene, random, _placed(size, 0.8, 1.25))


@SCENE_AUGMENTATIONS.register("standard")
def standard(scene: Scene, size: Size, random: np.random.Generator) -> Scene:
    """0.5 to 1.5 times as large, mirrored; brightness, contrast and colour up to a fifth."""
    return _augmented(scene, random, _standard(size))


@SCENE_AUGMENTATIONS.register("strong")
def strong(scene: Scene, size: Size, random: np.random.Generator) -> Scene:
    """0.3 to 2 times as large (arXiv 2012.07177), turned, and SSD's colours (1512.02325)."""
    return _augmented(scene, random, _strong(size))


def _augmented(scene: Scene, random: np.random.Generator, transform: Callable[[Any], Any]) -> Scene:
    with seeded_by(random):
        return transformed(scene, transform)


@cache
def _in_the_middle(size: Size) -> nn.Module:
    return Placed(size)


@cache
def _placed(size: Size, smallest: float, largest: float) -> nn.Module:
    return nn.Sequential(Placed(size, smallest, largest), v2.RandomHorizontalFlip())


@cache
def _standard(size: Size) -> nn.Module:
    jitter = v2.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2)
    return nn.Sequential(_placed(size, 0.5, 1.5), jitter)


@cache
def _strong(size: Size) -> nn.Module:
    turn = v2.RandomAffine(degrees=10, interpolation=InterpolationMode.BILINEAR)
    return nn.Sequential(_placed(size, 0.3, 2.0), turn, v2.RandomPhotometricDistort())


class Placed(v2.Transform):  # type: ignore[misc]  # torchvision carries no types
    """Resize to a random multiple of what fits the frame, and place it there at random.

    v2.ScaleJitter takes width for height where the frame is no square, and cannot make less than
    a pixel of a strip; v2.CenterCrop may put boxes a pixel beside the picture where it pads.

    Args:
        size: height and width of the frame.
        smallest: least multiple. Without multiples the picture fits and stands in the middle.
        largest: greatest multiple.
    """

    def __init__(self, size: Size, smallest: float = 1.0, largest: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.scales = smallest, largest

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """The size to resize to and the frame's upper left corner in it; it may be negative."""
        sides = functional.get_size(flat_inputs[0])
        scale = min(wanted / side for wanted, side in zip(self.size, sides, strict=True))
        smallest, largest = self.scales
        scale *= smallest + torch.rand(()).item() * (largest - smallest)
        resized = [max(1, round(side * scale)) for side in sides]
        over = [side - wanted for side, wanted in zip(resized, self.size, strict=True)]
        if smallest == largest:
            corner = [each // 2 for each in over]
        else:
            corner = [int(torch.randint(min(0, each), max(0, each) + 1, ())) for each in over]
        return {"resized": resized, "corner": corner}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Resize, then cut the frame out; what is beyond the picture is black."""
        return functional.crop(resized_to(inpt, params["resized"]), *params["corner"], *self.size)
