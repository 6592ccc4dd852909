"""A picture with the objects in it, as detection and segmentation learn from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from midrib.datasets import Item
from midrib.datasets.annotations import XYXY, Polygon, spanned
from midrib.datasets.clipping import clipped_polygon
from midrib.datasets.masks import mask_of
from midrib.records import ClassMap, Pixels, Size

LEAST_VISIBLE = 0.1
"""Share of an object's box that has to be left in the frame for the object to count."""

CROWD = -1
"""What stands for the class of a region with many objects in it."""

_LEAST_PIXELS = 1.0  # of a side of a box
_NOTHING: XYXY = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Scene:
    """Pixels and objects; all coordinates are pixels from the upper left corner of the picture.

    ``pixels``: uint8, height × width × 3 (RGB). ``boxes``: float32, objects × 4 (left, top,
    right, bottom). ``classes``: int64, objects. ``polygons``: for each object its outlines, of
    which there may be none. ``masks``: bool, objects × height × width, or None. ``drawn``: uint8,
    height × width, the class of each pixel where scenes are known by that, or None.
    """

    pixels: Pixels
    boxes: NDArray[np.float32]
    classes: NDArray[np.int64]
    polygons: tuple[tuple[Polygon, ...], ...]
    masks: NDArray[np.bool_] | None = None
    drawn: ClassMap | None = None

    def only(self, chosen: Sequence[int]) -> Scene:
        """The same picture with those objects alone."""
        return Scene(
            self.pixels,
            self.boxes[list(chosen)],
            self.classes[list(chosen)],
            tuple(self.polygons[index] for index in chosen),
            None if self.masks is None else self.masks[list(chosen)],
            self.drawn,
        )


def scene_of(
    item: Item,
    pixels: Pixels,
    labels: Sequence[str],
    *,
    with_masks: bool = False,
    with_crowds: bool = False,
) -> Scene:
    """The scene of a picture that was decoded at any size, uint8, height × width × 3.

    With masks, an object without one gets what its outlines cover, and without those its box.
    Crowds stand for no one object: they are left out, or with crowds are of the class `CROWD`.
    Void pixels are left out in any case: the box that they span says nothing of what is in it.
    """
    height, width = pixels.shape[:2]
    scale = width / (item.width or width), height / (item.height or height)
    objects = [
        each for each in item.annotations if not each.is_void and (with_crowds or not each.crowd)
    ]
    polygons = tuple(
        tuple(_scaled(polygon, scale) for polygon in each.polygons) for each in objects
    )
    boxes = np.array([_scaled(each.xyxy, scale) for each in objects], np.float32).reshape(-1, 4)
    masks = None
    if with_masks:
        of = Size(item.height or height, item.width or width)
        drawn = [mask_of(each, of, Size(height, width)) for each in objects]
        masks = np.array(drawn, np.bool_).reshape(-1, height, width)
    places = [CROWD if each.crowd else labels.index(each.label) for each in objects]
    classes = np.array(places, np.int64)
    return Scene(pixels, boxes, classes, polygons, masks)


def transformed(scene: Scene, transform: Callable[[Any], Any]) -> Scene:
    """``scene`` after a transform of torchvision, with what left the frame cut away.

    Corners of outlines travel as boxes without extent: torchvision moves boxes by the edges of
    pixels, as ours are, but keypoints by their centres.
    """
    height, width = scene.pixels.shape[:2]
    corners = [corner for outlines in scene.polygons for each in outlines for corner in each]
    points = np.array(corners, np.float32).reshape(-1, 2)
    given: dict[str, Any] = {
        "pixels": tv_tensors.Image(
            torch.tensor(np.ascontiguousarray(scene.pixels)).permute(2, 0, 1)
        ),
        "boxes": tv_tensors.BoundingBoxes(
            torch.from_numpy(np.concatenate([scene.boxes, np.tile(points, 2)])),
            format="XYXY",
            canvas_size=(height, width),
            clamping_mode=None,
        ),
    }
    if scene.masks is not None:
        given["masks"] = tv_tensors.Mask(torch.tensor(scene.masks))
    if scene.drawn is not None:
        # One more in uint8, in which IGNORED is 0: what comes in from beyond the picture is 0 too.
        given["drawn"] = tv_tensors.Mask(torch.tensor(scene.drawn + np.uint8(1))[None])
    moved = transform(given)
    boxes = moved["boxes"].numpy()
    count = len(scene.boxes)
    return cut_to_frame(
        Scene(
            moved["pixels"].permute(1, 2, 0).contiguous().numpy(),
            boxes[:count],
            scene.classes,
            _outlines(scene.polygons, boxes[count:, :2]),
            None if scene.masks is None else moved["masks"].numpy(),
            None if scene.drawn is None else moved["drawn"][0].numpy() - np.uint8(1),
        )
    )


def resized_to(part: Any, size: Sequence[int]) -> Any:
    """A tensor of torchvision at another height and width; masks by their pixels' centres."""
    if isinstance(part, tv_tensors.Mask):
        return functional.resize(part, size, interpolation=InterpolationMode.NEAREST_EXACT)
    return functional.resize(part, size, antialias=True)


def cut_to_frame(scene: Scene, least_visible: float = LEAST_VISIBLE) -> Scene:
    """Cut boxes and outlines to the picture; leave out objects of which too little is left.

    A box spans what is left of the object's mask or outlines where it has them.
    """
    height, width = scene.pixels.shape[:2]
    frame = (0.0, 0.0, float(width), float(height))
    bounds = np.array([width, height, width, height], np.float32)
    boxes = np.clip(scene.boxes, 0, bounds)
    polygons = tuple(
        tuple(cut for each in outlines if (cut := clipped_polygon(each, frame)))
        for outlines in scene.polygons
    )
    visible = _areas(boxes) >= least_visible * _areas(scene.boxes)
    kept = []
    for index, outlines in enumerate(polygons):
        boxes[index] = _span(scene, index, outlines) or boxes[index]
        sides = boxes[index, 2:] - boxes[index, :2]
        if visible[index] and sides.min() >= _LEAST_PIXELS:
            kept.append(index)
    return replace(scene, boxes=boxes, polygons=polygons).only(kept)


def _span(scene: Scene, index: int, outlines: tuple[Polygon, ...]) -> XYXY | None:
    """The box of an object's mask or outlines, empty where nothing is left; None without both."""
    if scene.masks is not None:
        rows = np.flatnonzero(scene.masks[index].any(axis=1))
        columns = np.flatnonzero(scene.masks[index].any(axis=0))
        if not len(rows):
            return _NOTHING
        return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
    if scene.polygons[index]:
        return spanned(outlines) if outlines else _NOTHING
    return None


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    areas: NDArray[np.float32] = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return areas


def _outlines(
    before: tuple[tuple[Polygon, ...], ...], points: NDArray[np.float32]
) -> tuple[tuple[Polygon, ...], ...]:
    """The moved ``points`` in the shape of the outlines that they were taken from."""
    flat = iter(points.astype(float).ravel().tolist())
    return tuple(
        tuple(tuple(next(flat) for _ in polygon) for polygon in outlines) for outlines in before
    )


def _scaled(numbers: Sequence[float], scale: tuple[float, float]) -> tuple[float, ...]:
    return tuple(value * scale[index % 2] for index, value in enumerate(numbers))
