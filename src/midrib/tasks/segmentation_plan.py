"""What a segmenter's shape follows from: its backbone, and the classes that pixels are of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, model_validator

from midrib.backbones.pyramid.strides import channels_at, source_of
from midrib.config import Config
from midrib.datasets.class_maps import MOST_CLASSES
from midrib.errors import UsageError
from midrib.records import IGNORED

_FITS = {"letterbox": "letterboxed", "squash": "squashed"}


class SegmentationPlan(Config):
    """The shape of a segmenter; kept with the run, so that it is built again without its data."""

    labels: tuple[str, ...] = Field(min_length=2, max_length=MOST_CLASSES)
    """Classes of pixels in the order of the answer, the background first."""

    height: int = Field(gt=0)
    """Rows of the input, in pixels."""

    width: int = Field(gt=0)
    """Columns of the input, in pixels."""

    fit: Literal["letterbox", "squash"] = "letterbox"
    """How pictures are brought to that size."""

    strides: tuple[int, ...] = Field(min_length=1)
    """Of the maps that the decoder reads, finest first, in pixels of the input."""

    channels: tuple[int, ...]
    """Of each of these maps."""

    shares: tuple[float, ...]
    """About what share of the training pixels is of each class."""

    class_weights: tuple[float, ...] = ()
    """How much a pixel of each class counts in the loss; all alike where there are none."""

    ignored: int = IGNORED
    """Class of pixels that count neither way: crowds, and what is beyond a picture."""

    pictures: int = Field(default=0, ge=0)
    """Training pictures that it was derived from."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> SegmentationPlan:
        if len(self.channels) != len(self.strides):
            raise ValueError("channels for each stride")
        if len(self.shares) != len(self.labels):
            raise ValueError("a share for each class")
        if len(self.class_weights) not in {0, len(self.labels)}:
            raise ValueError("a weight for each class, or for none")
        return self

    def lines(self) -> list[str]:
        """For people: a line a fact."""
        weights = self.class_weights or (1.0,) * len(self.labels)
        maps = [
            f"{channels} channels at {stride}"
            for stride, channels in zip(self.strides, self.channels, strict=True)
        ]
        width = max(map(len, self.labels))
        return [
            f"input      {self.height} × {self.width} pixels, {_FITS[self.fit]}",
            f"decoder    reads {', '.join(maps)}",
            *(
                f"class {place:<5}{label:<{width}}  {share:.1%} of the pixels, weight {weight:.3g}"
                for place, (label, share, weight) in enumerate(
                    zip(self.labels, self.shares, weights, strict=True)
                )
            ),
            f"ignored    crowds and what is beyond a picture, as class {self.ignored}",
            f"from       {self.pictures:,} training pictures",
        ]


def derive_segmentation_plan(
    pixels: dict[str, int],
    size: tuple[int, int],
    levels: Sequence[tuple[int, int]],
    strides: Sequence[int],
    *,
    name: str,
    fit: Literal["letterbox", "squash"],
    balanced: bool,
    pictures: int,
) -> SegmentationPlan:
    """The plan for those classes on that backbone.

    Args:
        pixels: of the training pictures by class, the background first.
        size: height and width of the input.
        levels: stride and channels of the backbone's own maps, finest first.
        strides: of the maps that the decoder reads.
        name: the backbone's.
        fit: how pictures are brought to that size.
        balanced: whether classes count by one over their share.
        pictures: how many they were counted in.

    Raises:
        UsageError: the backbone gives no map that would do.
    """
    own = [stride for stride, _ in levels]
    if lacking := [stride for stride in strides if source_of(stride, own) is None]:
        raise UsageError(
            f"{name} cannot give maps of stride {', '.join(map(str, lacking))}",
            expected="strides that are its own, double its coarsest, or refine its finest",
            todo="choose another backbone",
        )
    whole = max(1, sum(pixels.values()))
    return SegmentationPlan(
        labels=tuple(pixels),
        height=size[0],
        width=size[1],
        fit=fit,
        strides=tuple(strides),
        channels=tuple(channels_at(stride, levels) for stride in strides),
        shares=tuple(round(count / whole, 6) for count in pixels.values()),
        class_weights=_balancing(list(pixels.values())) if balanced else (),
        pictures=pictures,
    )


def _balancing(counts: Sequence[int]) -> tuple[float, ...]:
    """One over each class's share, so that over all pixels the mean is 1; 0 for no pixel."""
    shown = [count for count in counts if count]
    return tuple(round(sum(counts) / (len(shown) * count), 4) if count else 0.0 for count in counts)
