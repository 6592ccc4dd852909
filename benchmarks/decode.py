"""Encoded bytes to a model's 224 × 224 uint8 input: pictures a second, one thread each.

Goals: of 12 megapixels, baseline at least 5 times and progressive at least 2 times what plain
Pillow reaches.
"""

from __future__ import annotations

import argparse
import functools
import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.harness import (
    NOT_INSTALLED,
    Goal,
    Results,
    Row,
    Spread,
    calls_per_second,
    interleaved,
    paired,
    run,
)
from benchmarks.pictures import Size, photographs
from midrib.preprocessing import Recipe, centre_crop, read_picture, resize, shrink_target
from midrib.records import Pixels

# What the default backbone, EfficientNet-Lite0, was trained with.
RECIPE = Recipe(height=224, width=224, filter="bicubic")
SIZES = {"0.3 MP": Size(640, 427), "2 MP": Size(1920, 1080), "12 MP": Size(4000, 3000)}
GOALS = {("12 MP", "baseline"): 5.0, ("12 MP", "progressive"): 2.0}
PLAIN, OURS = "Pillow", "midrib"
_SHORTER_SIDE = min(shrink_target(RECIPE))

Read = Callable[[Path, bytes], Pixels]
"""From a file, or its bytes held in memory, to uint8, height × width × 3."""


def plain_pillow(_: Path, data: bytes) -> Pixels:
    return _fitted(Image.open(io.BytesIO(data)).convert("RGB"))


def pillow_draft(_: Path, data: bytes) -> Pixels:
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (_SHORTER_SIDE, _SHORTER_SIDE))
    return _fitted(image.convert("RGB"))


def midrib(_: Path, data: bytes) -> Pixels:
    return read_picture(data, RECIPE)


def opencv() -> Read:
    import cv2

    cv2.setNumThreads(1)

    def read(_: Path, data: bytes) -> Pixels:
        encoded = np.frombuffer(data, np.uint8)
        pixels = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB)
        if pixels is None:
            raise ValueError("OpenCV cannot decode the picture")
        scale = _SHORTER_SIDE / min(pixels.shape[:2])
        size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
        resized = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        return centre_crop(resized, RECIPE)

    return read


def image_folder() -> Read:
    from torchvision.datasets.folder import default_loader
    from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

    transform = Compose(
        [
            Resize(_SHORTER_SIDE, InterpolationMode.BICUBIC),
            CenterCrop((RECIPE.height, RECIPE.width)),
        ]
    )
    return lambda path, _: np.asarray(transform(default_loader(str(path))))


def pyturbojpeg() -> Read:
    import turbojpeg

    decoder = turbojpeg.TurboJPEG()

    def read(_: Path, data: bytes) -> Pixels:
        width, height, *_rest = decoder.decode_header(data)
        factor = next((f for f in (8, 4, 2) if min(width, height) / f >= _SHORTER_SIDE), 1)
        pixels = decoder.decode(data, turbojpeg.TJPF_RGB, scaling_factor=(1, factor))
        return centre_crop(resize(pixels, RECIPE), RECIPE)

    return read


def vips() -> Read:
    import pyvips

    pyvips.cache_set_max(0)  # measure the work, not the memory of it
    pyvips.concurrency_set(1)

    def read(_: Path, data: bytes) -> Pixels:
        picture = pyvips.Image.thumbnail_buffer(
            data, _SHORTER_SIDE, height=_SHORTER_SIDE, crop="centre"
        )
        return centre_crop(picture.numpy(), RECIPE)

    return read


OTHERS: dict[str, Callable[[], Read]] = {
    "OpenCV, INTER_AREA": opencv,
    "torchvision ImageFolder": image_folder,
    "PyTurboJPEG, scaled": pyturbojpeg,
    "pyvips thumbnail": vips,
}


def candidates() -> tuple[dict[str, Read], list[str]]:
    """The ways to read a picture that are installed here, and the names of those that are not."""
    found: dict[str, Read] = {PLAIN: plain_pillow, OURS: midrib, "Pillow draft": pillow_draft}
    missing = []
    for name, make in OTHERS.items():
        try:
            found[name] = make()
        except (ImportError, OSError, RuntimeError):
            # The last two are raised when a binding is there but its C library is not.
            missing.append(name)
    return found, missing


def measure(options: argparse.Namespace) -> Results:
    """Pictures a second from encoded bytes to 224 × 224 uint8."""
    found, missing = candidates()
    count, rounds, seconds = (1, 3, 0.05) if options.quick else (4, 9, 0.5)
    rows, goals = [], []
    notes = ["torchvision cuts the longer side's fraction off: its crop is up to one pixel aside"]
    for size_name, size in SIZES.items():
        pictures, origin = photographs(options.pictures, size, count)
        notes.append(f"{size_name}: {size.width} × {size.height}, {origin}, re-encoded, quality 90")
        for coding in ("baseline", "progressive"):
            with _encoded(pictures, progressive=coding == "progressive") as files:
                rates = _rates(found, files, rounds, seconds)
                case = f"{size_name} {coding}"
                rows += [_row(case, name, rates, found, files) for name in found]
                rows += [Row(case, name, {"pictures/s": NOT_INSTALLED}) for name in missing]
                if (size_name, coding) in GOALS:
                    figure = paired(rates[OURS], rates[PLAIN]).median
                    name = f"{case}, pictures/s as multiple of plain Pillow's"
                    goals.append(Goal(name, GOALS[size_name, coding], figure))
    return Results(rows=rows, goals=goals, notes=notes)


@dataclass(frozen=True)
class _File:
    path: Path
    data: bytes


@contextmanager
def _encoded(pictures: Sequence[Image.Image], *, progressive: bool) -> Iterator[list[_File]]:
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for index, picture in enumerate(pictures):
            path = Path(folder) / f"{index}.jpg"
            picture.save(path, "JPEG", quality=90, progressive=progressive)
            files.append(_File(path, path.read_bytes()))
        yield files


def _rates(
    found: dict[str, Read], files: list[_File], rounds: int, seconds: float
) -> dict[str, list[float]]:
    """Pictures a second of each candidate, one figure a round."""

    def rate(read: Read) -> float:
        def read_all() -> None:
            for file in files:
                read(file.path, file.data)

        return len(files) * calls_per_second(read_all, seconds=seconds)

    return interleaved({name: functools.partial(rate, found[name]) for name in found}, rounds)


def _row(
    case: str,
    name: str,
    rates: dict[str, list[float]],
    found: dict[str, Read],
    files: list[_File],
) -> Row:
    away = [
        np.abs(
            found[name](file.path, file.data).astype(int)
            - found[PLAIN](file.path, file.data).astype(int)
        ).mean()
        for file in files
    ]
    return Row(
        case,
        name,
        {
            "pictures/s": Spread.of(rates[name]),
            "× Pillow": paired(rates[name], rates[PLAIN]),
            "levels from Pillow": f"{max(away):.2f}",
        },
    )


def _fitted(image: Image.Image) -> Pixels:
    scale = _SHORTER_SIDE / min(image.size)
    size = round(image.width * scale), round(image.height * scale)
    return centre_crop(np.asarray(image.resize(size, Image.Resampling.BICUBIC)), RECIPE)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="large camera JPEGs, as those of Debian's lomiri-wallpapers-16.04; without it, "
        "scikit-learn's two small photographs are enlarged",
    )


if __name__ == "__main__":
    run(
        "decode",
        measure,
        libraries=[
            "pillow",
            "simplejpeg",
            "numpy",
            "opencv-python-headless",
            "torchvision",
            "PyTurboJPEG",
            "pyvips",
        ],
        arguments=_arguments,
    )
