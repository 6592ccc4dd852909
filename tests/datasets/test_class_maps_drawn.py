from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from midrib.datasets import Item, read_dataset
from midrib.datasets.annotations import XYXY, Annotation
from midrib.datasets.class_maps import class_map_of, pixels_by_class, with_background
from midrib.datasets.formats import write_dataset
from midrib.datasets.masks import encode_mask
from midrib.records import IGNORED, Size

LABELS = with_background(("ball", "box"))
SIZE = Size(10, 12)


def _mask(*block: slice, size: Size = SIZE) -> np.ndarray:
    mask = np.zeros(size, np.bool_)
    mask[block] = True
    return mask


def _annotation(label: str, mask: np.ndarray, *, crowd: bool = False) -> Annotation:
    rows, columns = np.nonzero(mask)
    box: XYXY = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    return Annotation(label, box, mask=encode_mask(mask), crowd=crowd)


def _item(*annotations: Annotation) -> Item:
    return Item(Path("a.png"), (), annotations=annotations, width=SIZE.width, height=SIZE.height)


def test_small_objects_lie_over_large_ones_and_crowds_below_all() -> None:
    """What only a crowd covers is unknown; an object within another keeps its pixels."""
    small, large = _mask(slice(4, 6), slice(4, 6)), _mask(slice(2, 8), slice(2, 8))
    crowd = _mask(slice(0, 10), slice(5, 12))
    item = _item(
        _annotation("box", small), _annotation("ball", large), _annotation("box", crowd, crowd=True)
    )
    told = class_map_of(item, LABELS, SIZE)
    assert told[5, 5] == LABELS.index("box")
    assert told[3, 6] == LABELS.index("ball")
    assert told[0, 9] == IGNORED
    assert told[0, 0] == 0


def test_outlines_and_boxes_are_filled() -> None:
    """An object without a mask covers its outline, and without one its box."""
    outlined = Annotation("ball", (1, 1, 5, 4), polygons=((1, 1, 5, 1, 5, 4, 1, 4),))
    boxed = Annotation("box", (6, 6, 9, 9))
    told = class_map_of(_item(outlined, boxed), LABELS, SIZE)
    expected = np.zeros(SIZE, np.uint8)
    expected[1:4, 1:5], expected[6:9, 6:9] = 1, 2
    assert np.array_equal(told, expected)


def test_a_map_is_drawn_at_any_size() -> None:
    """Twice as large every pixel comes twice, and the picture's own map comes back from it."""
    item = _item(
        _annotation("ball", _mask(slice(1, 4), slice(2, 9))), Annotation("box", (6, 6, 9, 9))
    )
    plain = class_map_of(item, LABELS, SIZE)
    twice = class_map_of(item, LABELS, Size(20, 24))
    assert np.array_equal(twice, plain.repeat(2, axis=0).repeat(2, axis=1))


def test_masks_of_background_are_background() -> None:
    """A class that is called background is the one that is there anyway."""
    assert with_background(("background", "ball")) == with_background(("ball",))
    item = _item(_annotation("background", _mask(slice(0, 4), slice(0, 4))))
    assert not class_map_of(item, with_background(("background",)), SIZE).any()


def test_void_pixels_are_unknown_and_kept(tmp_path: Path) -> None:
    """Pixels of no known class count neither way, and masks are written with them again."""
    for folder in ("images", "masks"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    drawn = np.zeros(SIZE, np.uint8)
    drawn[2:5, 2:5], drawn[:, 9:], drawn[0, 0] = 1, 255, 2
    Image.new("RGB", SIZE[::-1]).save(tmp_path / "data" / "images" / "a.png")
    Image.fromarray(drawn).save(tmp_path / "data" / "masks" / "a.png")
    (tmp_path / "data" / "classes.csv").write_text("value,label\n1,ball\n2,void\n")
    known = read_dataset(tmp_path / "data", needs="pictures")
    assert not write_dataset(known, tmp_path / "again", "masks").lost
    for dataset in (known, read_dataset(tmp_path / "again", needs="pictures")):
        labels = with_background(dataset.labels)
        assert labels == ("background", "ball")
        told = class_map_of(dataset.items[0], labels, SIZE)
        assert np.array_equal(told == IGNORED, drawn > 1)
        assert np.array_equal(told == 1, drawn == 1)
        assert pixels_by_class(dataset.items, labels) == [int((drawn == 0).sum()), 9]


def test_pixels_are_counted_by_class() -> None:
    """Masks, outlines and boxes count by their area, crowds not at all, the rest as background."""
    item = _item(
        _annotation("ball", _mask(slice(0, 2), slice(0, 5))),
        Annotation("box", (6, 6, 9, 9)),
        _annotation("box", _mask(slice(8, 10), slice(0, 3)), crowd=True),
    )
    assert pixels_by_class([item, _item()], LABELS) == [240 - 6 - 10 - 9, 10, 9]
