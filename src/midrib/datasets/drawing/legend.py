"""Which colour and which number stands for which class."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

RGB = tuple[int, int, int]
"""0 to 255 each."""

# Sasha Trubetskoy, List of 20 Simple, Distinct Colors (2017), without white, black and grey,
# those first that are farthest apart.
_DISTINCT: tuple[RGB, ...] = (
    *((230, 25, 75), (60, 180, 75), (255, 225, 25), (0, 130, 200), (245, 130, 48)),
    *((145, 30, 180), (70, 240, 240), (240, 50, 230), (210, 245, 60), (250, 190, 212)),
    *((0, 128, 128), (220, 190, 255), (170, 110, 40), (255, 250, 200), (128, 0, 0)),
    *((170, 255, 195), (128, 128, 0), (255, 215, 180), (0, 0, 128)),
)
_GOLDEN = 0.618033988749895
_LIGHTNESS = (0.5, 0.36, 0.66)
_OTHER: RGB = (128, 128, 128)


@dataclass(frozen=True)
class Legend:
    """Colours and numbers by class: the same labels always give the same ones."""

    labels: tuple[str, ...]

    @classmethod
    def of(cls, labels: Iterable[str]) -> Legend:
        """The legend of some classes, whatever their order."""
        return cls(tuple(sorted(set(labels))))

    @cached_property
    def colours(self) -> Mapping[str, RGB]:
        """Colours that are easily told apart for up to 19 classes, and then by and by less."""
        return {label: _colour(place) for place, label in enumerate(self.labels)}

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """A number for each class, from 1 on."""
        return {label: place for place, label in enumerate(self.labels, start=1)}

    def colour(self, label: str) -> RGB:
        """The colour of a class; grey for one that the legend does not know."""
        return self.colours.get(label, _OTHER)

    def number(self, label: str) -> int:
        """The number of a class; 0 for one that the legend does not know."""
        return self.numbers.get(label, 0)


def ink_on(ground: RGB) -> RGB:
    """Black or white, whichever has the higher contrast to ``ground``, as WCAG 2.2 counts it."""
    red, green, blue = (_linear(value / 255) for value in ground)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return (0, 0, 0) if (luminance + 0.05) ** 2 > 1.05 * 0.05 else (255, 255, 255)


def _linear(share: float) -> float:
    """Light of an sRGB value, both 0 to 1."""
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def _colour(place: int) -> RGB:
    if place < len(_DISTINCT):
        return _DISTINCT[place]
    # Steps of the golden section never come back to a hue, and lie far apart for a long time.
    lightness = _LIGHTNESS[place % len(_LIGHTNESS)]
    red, green, blue = colorsys.hls_to_rgb(place * _GOLDEN % 1, lightness, 0.85)
    return round(red * 255), round(green * 255), round(blue * 255)
