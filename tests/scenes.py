"""Small pictures with objects drawn into them, as a data set on disk: what a detector may learn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"blue": (30, 60, 220), "red": (220, 40, 40)}


def draw_scene(
    random: np.random.Generator, size: tuple[int, int], most: int = 3
) -> tuple[np.ndarray, list[tuple[str, tuple[int, int, int, int]]]]:
    """A noisy grey picture with up to ``most`` rectangles that do not touch, and their boxes."""
    height, width = size
    pixels = random.integers(90, 140, (height, width, 3), dtype=np.uint8)
    objects: list[tuple[str, tuple[int, int, int, int]]] = []
    taken = np.zeros((height, width), np.bool_)
    for _ in range(int(random.integers(1, most + 1))):
        tall, wide = (int(each) for each in random.integers(12, 29, 2))
        top = int(random.integers(0, height - tall + 1))
        left = int(random.integers(0, width - wide + 1))
        place = slice(top, top + tall), slice(left, left + wide)
        if taken[place].any():
            continue
        taken[place] = True
        label = sorted(COLOURS)[int(random.integers(len(COLOURS)))]
        pixels[place] = COLOURS[label]
        objects.append((label, (left, top, left + wide, top + tall)))
    return pixels, objects


def make_scene_folder(
    root: Path,
    *,
    count: int = 24,
    size: tuple[int, int] = (64, 96),
    seed: int = 0,
    outlined: bool = False,
) -> Path:
    """A COCO data set at ``root`` in which every fourth picture is empty; with outlines too."""
    random = np.random.default_rng(seed)
    (root / "images").mkdir(parents=True)
    names = {label: number for number, label in enumerate(sorted(COLOURS), start=1)}
    images, annotations = [], []
    for number in range(1, count + 1):
        pixels, objects = draw_scene(random, size)
        if number % 4 == 0:
            pixels, objects = random.integers(90, 140, (*size, 3), dtype=np.uint8), []
        name = f"{number:03d}.png"
        Image.fromarray(pixels).save(root / "images" / name)
        images.append({"id": number, "file_name": name, "height": size[0], "width": size[1]})
        for label, (left, top, right, bottom) in objects:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": names[label],
                    "bbox": [left, top, right - left, bottom - top],
                    "area": (right - left) * (bottom - top),
                    "iscrowd": 0,
                    **({"segmentation": [_outline(left, top, right, bottom)]} if outlined else {}),
                }
            )
    categories = [{"id": number, "name": label} for label, number in names.items()]
    table = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations.json").write_text(json.dumps(table))
    return root


def _outline(left: int, top: int, right: int, bottom: int) -> list[int]:
    return [left, top, right, top, right, bottom, left, bottom]
