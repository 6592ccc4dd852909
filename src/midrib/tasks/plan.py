"""What a detector's shape follows from: its backbone and the boxes that it is to find.

boxes of the training split ─▶ strides ─▶ anchors a stride
levels of the backbone ─▶ channels
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from pydantic import Field, model_validator

from midrib.backbones.pyramid.strides import source_of
from midrib.config import Config
from midrib.errors import UsageError
from midrib.records import Floats

CELLS_PER_SIDE = 4
"""Cells of its map along an object's side: anchors of 32 pixels at stride 8, as RetinaNet and
FPN have them (Lin et al., arXiv 1612.03144, section 4.2, and 1708.02002, section 4)."""

REGION_CELLS = 14
"""Cells of its map along the side of a region that is read from it, at least, and up to twice as
many: a region of 224 pixels from stride 16 (arXiv 1612.03144, equation 1)."""

SCALES = 3
RATIOS = 3

_FINEST, _COARSEST = 4, 128
_LEVELS = 2
_ENOUGH = 12
_CHANNELS = (64, 256)
_CHANNEL_SHARE = 4
_USUAL_RATIOS = (0.5, 1.0, 2.0)
_ENDS = (0.05, 0.95)


class DetectionPlan(Config):
    """The shape of a detector; kept with the run, so that it is built again without its data."""

    height: int = Field(gt=0)
    """Rows of the input, in pixels."""

    width: int = Field(gt=0)
    """Columns of the input, in pixels."""

    strides: tuple[int, ...] = Field(min_length=1)
    """Of the maps that are read, finest first, in pixels of the input."""

    channels: int = Field(gt=0)
    """Of each map once they are brought together."""

    sizes: tuple[tuple[float, ...], ...]
    """Anchors of each stride: square roots of their areas, in pixels of the input."""

    ratios: tuple[float, ...] = Field(min_length=1)
    """Height over width of anchors; each stride has each of its sizes in each ratio."""

    region_cells: int | None = Field(default=None, gt=0)
    """Of two-stage detectors: cells along the side of a region that is read from a map, at least;
    the finest map has the smaller ones too, the coarsest the larger ones."""

    boxes: int = Field(default=0, ge=0)
    """Training boxes that it was derived from."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> DetectionPlan:
        if len(self.sizes) != len(self.strides):
            raise ValueError("anchors for each stride")
        if any(2 * fine != coarse for fine, coarse in pairwise(self.strides)):
            raise ValueError("strides of which each is twice the one before")
        if len({len(sizes) for sizes in self.sizes}) != 1:
            raise ValueError("as many anchors at one stride as at another: they share a head")
        return self

    @property
    def anchors(self) -> int:
        """Anchors of each cell."""
        return len(self.sizes[0]) * len(self.ratios)

    def lines(self) -> list[str]:
        """For people: a line a fact."""
        cells = [
            math.ceil(self.height / stride) * math.ceil(self.width / stride)
            for stride in self.strides
        ]
        return [
            f"input      {self.height} × {self.width} pixels, letterboxed",
            f"channels   {self.channels} in each map",
            f"ratios     {', '.join(f'{ratio:.2f}' for ratio in self.ratios)} (height / width)",
            *(
                f"stride {stride:<4}{count} cells, anchors of "
                f"{', '.join(f'{size:.0f}' for size in sizes)} pixels"
                for stride, count, sizes in zip(self.strides, cells, self.sizes, strict=True)
            ),
            *self._region_lines(),
            f"from       {self.boxes:,} training boxes",
        ]

    def _region_lines(self) -> list[str]:
        if self.region_cells is None:
            return []
        *finer, coarsest = self.strides
        bounds = [
            f"up to {2 * self.region_cells * stride} pixels from stride {stride}"
            for stride in finer
        ]
        return ["regions    " + ", ".join([*bounds, f"larger from stride {coarsest}"])]


def derive_plan(
    boxes: Floats,
    size: tuple[int, int],
    levels: Sequence[tuple[int, int]],
    *,
    name: str,
    strides: Sequence[int] | None = None,
    sizes: Sequence[float] | None = None,
    ratios: Sequence[float] | None = None,
    cells: int = CELLS_PER_SIDE,
    region_cells: int | None = None,
) -> DetectionPlan:
    """The plan for objects of those sizes on that backbone.

    Strides double from where the smallest objects span ``cells`` cells to where the largest do.
    Anchor sizes are quantiles of the boxes that belong to a stride, ratios quantiles of all; where
    boxes are few both are RetinaNet's.

    Args:
        boxes: float32, count × 2 (height, width) of training boxes, in pixels of the input.
        size: height and width of the input.
        levels: stride and channels of the backbone's own maps, finest first.
        name: the backbone's.
        strides: take the place of those derived.
        sizes: of anchors at the finest stride, twice as large at the next, in place of those
            derived.
        ratios: of anchors, in place of those derived.
        cells: along an object's side.
        region_cells: of two-stage detectors, along the side of a region.

    Raises:
        UsageError: the backbone gives no map that would do.
    """
    own = [stride for stride, _ in levels]
    sides = np.sqrt(boxes.prod(axis=1))
    chosen = tuple(strides or _strides(sides, min(size), own, cells))
    if not chosen or any(source_of(stride, own) is None for stride in chosen):
        raise UsageError(
            f"{name} cannot give maps of stride {', '.join(map(str, chosen)) or '4 to 128'}",
            expected="strides that are its own, double its coarsest, or refine its finest",
            todo="choose another backbone, or other strides",
        )
    return DetectionPlan(
        height=size[0],
        width=size[1],
        strides=chosen,
        channels=_channels(levels[-1][1]),
        sizes=_doubled(sizes, len(chosen)) if sizes else _sizes(sides, chosen, cells),
        ratios=tuple(ratios) if ratios else _ratios(boxes),
        region_cells=region_cells,
        boxes=len(boxes),
    )


def _strides(sides: Floats, input_side: int, own: Sequence[int], cells: int) -> list[int]:
    """Doubling strides around the objects' sides, as far as the backbone has them."""
    able = [
        stride
        for stride in (2**power for power in range(2, 8))
        if _FINEST <= stride <= min(_COARSEST, max(_FINEST, input_side // 2))
        and source_of(stride, own) is not None
    ]
    if len(sides) < _ENOUGH:
        return [stride for stride in able if stride >= 8] or able
    low, high = (float(end) / cells for end in np.quantile(sides, _ENDS))
    needed = [stride for stride in able if low / math.sqrt(2) <= stride <= high * math.sqrt(2)]
    first = able.index(needed[0]) if needed else _nearest(able, low)
    last = able.index(needed[-1]) if needed else first
    # Two levels at least: a pyramid of one has no coarser look at the same place.
    first = min(first, max(0, len(able) - _LEVELS))
    return able[first : max(last + 1, first + _LEVELS)]


def _nearest(able: Sequence[int], wanted: float) -> int:
    distances = [abs(math.log2(stride / max(wanted, 1e-6))) for stride in able]
    return distances.index(min(distances)) if distances else 0


def _doubled(sizes: Sequence[float], levels: int) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(size * 2**level for size in sizes) for level in range(levels))


def _sizes(sides: Floats, strides: Sequence[int], cells: int) -> tuple[tuple[float, ...], ...]:
    """Quantiles of the sides that belong to each stride."""
    middles = [stride * cells for stride in strides]
    bounds = [math.sqrt(a * b) for a, b in pairwise(middles)]
    places = np.searchsorted(bounds, sides)
    sizes = []
    for place, middle in enumerate(middles):
        own = sides[places == place]
        if len(own) < _ENOUGH:
            sizes.append(tuple(middle * 2 ** (step / SCALES) for step in range(SCALES)))
        else:
            sizes.append(tuple(float(each) for each in np.quantile(own, _centres(SCALES))))
    return tuple(tuple(round(max(1.0, each), 2) for each in level) for level in sizes)


def _ratios(boxes: Floats) -> tuple[float, ...]:
    if len(boxes) < _ENOUGH:
        return _USUAL_RATIOS
    shapes = np.log(boxes[:, 0] / boxes[:, 1])
    return tuple(round(float(each), 3) for each in np.exp(np.quantile(shapes, _centres(RATIOS))))


def _centres(count: int) -> Floats:
    """The middles of ``count`` equal parts of 0 to 1."""
    return ((np.arange(count) + 0.5) / count).astype(np.float32)


def _channels(coarsest: int) -> int:
    """A quarter of the backbone's coarsest map, a power of two: 256 for ResNet-50 as in FPN."""
    share = 2 ** round(math.log2(max(1, coarsest / _CHANNEL_SHARE)))
    return int(min(max(share, _CHANNELS[0]), _CHANNELS[1]))
