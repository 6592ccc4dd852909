"""Objects drawn into pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midrib.datasets.annotations import Annotation, Rle, spanned
from midrib.datasets.drawing import Legend, draw_objects
from midrib.datasets.drawing.legend import ink_on
from midrib.datasets.drawing.lettering import one_line
from midrib.datasets.masks import encode_mask
from midrib.records import Pixels

HEIGHT, WIDTH = 60, 80
LEGEND = Legend.of(["cat", "dog"])

numbers = st.floats(-200, 300)
texts = st.text(max_size=30)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    xs = sorted(draw(st.tuples(numbers, numbers)))
    ys = sorted(draw(st.tuples(numbers, numbers)))
    return xs[0], ys[0], xs[1] + 0.1, ys[1] + 0.1


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    bits = draw(st.binary(min_size=12, max_size=12))
    small = np.unpackbits(np.frombuffer(bits, np.uint8)).reshape(8, 12)
    return np.kron(small, np.ones((8, 7)))[:HEIGHT, :WIDTH] > 0


def grey() -> Pixels:
    return np.full((HEIGHT, WIDTH, 3), 128, np.uint8)


def changed(annotation: Annotation, **options: bool) -> np.ndarray:
    """Where drawing changes a grey picture: bool, height × width."""
    drawn = draw_objects(grey(), [annotation], LEGEND, **options)
    assert drawn.shape == grey().shape
    assert drawn.dtype == np.uint8
    return (drawn != 128).any(axis=2)


def inside(xyxy: tuple[float, ...]) -> np.ndarray:
    """The pixels that a box touches."""
    found = np.zeros((HEIGHT, WIDTH), bool)
    left, top = (max(0, int(np.floor(value))) for value in xyxy[:2])
    right, bottom = (max(0, int(np.ceil(value))) for value in xyxy[2:])
    found[top:bottom, left:right] = True
    return found


@given(boxes())
def test_box_changes_nothing_outside_itself(xyxy: tuple[float, float, float, float]) -> None:
    """Whatever a box's numbers, its line lies within it and within the picture."""
    found = changed(Annotation("cat", xyxy), named=False)
    assert not (found & ~inside(xyxy)).any()
    assert found.any() == inside(xyxy).any()


@given(st.lists(st.tuples(numbers, numbers), min_size=3, max_size=9))
def test_outline_stays_within_what_it_spans(corners: list[tuple[float, float]]) -> None:
    """A polygon, also one that crosses itself, leaves its box alone on all sides."""
    polygon = tuple(value for corner in corners for value in corner)
    annotation = Annotation("cat", spanned((polygon,)), polygons=(polygon,))
    assert not (changed(annotation, named=False) & ~inside(annotation.xyxy)).any()


@given(masks())
def test_mask_covers_its_pixels_and_no_other(mask: np.ndarray) -> None:
    """Exactly the pixels of a mask are tinted."""
    annotation = Annotation("cat", (0.0, 0.0, 1.0, 1.0), mask=encode_mask(mask))
    found = changed(annotation, named=False)
    if mask.any():
        assert (found == mask).all()


@given(masks(), st.integers(1, 5))
def test_shrunk_mask_covers_what_it_touches(mask: np.ndarray, factor: int) -> None:
    """In a smaller picture each pixel of which a mask covers a part is tinted, no other."""
    height, width = -(-HEIGHT // factor), -(-WIDTH // factor)
    small = np.full((height, width, 3), 128, np.uint8)
    annotation = Annotation("cat", (0.0, 0.0, 1.0, 1.0), mask=encode_mask(mask))
    drawn = draw_objects(small, [annotation], LEGEND, size=(HEIGHT, WIDTH), named=False)
    found = (drawn != 128).any(axis=2)
    if not mask.any():
        return
    rows, columns = np.nonzero(mask)
    middle = found[
        ((rows + 0.5) * height / HEIGHT).astype(int), ((columns + 0.5) * width / WIDTH).astype(int)
    ]
    assert middle.all()


def test_square_outline_is_filled() -> None:
    """The inside of an outline is tinted, its edge in the colour of the class."""
    square = (10.0, 10.0, 50.0, 10.0, 50.0, 40.0, 10.0, 40.0)
    annotation = Annotation("dog", (10, 10, 50, 40), polygons=(square,))
    drawn = draw_objects(grey(), [annotation], LEGEND, named=False)
    red, green, blue = LEGEND.colour("dog")
    assert tuple(drawn[10, 10]) == tuple(drawn[39, 49]) == (red, green, blue)
    tint = [round(128 * 0.6 + value * 0.4) for value in (red, green, blue)]
    assert drawn[25, 30].tolist() == tint


@given(label=texts, xyxy=boxes(), crowd=st.booleans())
def test_labels_in_any_script_are_drawn_inside_the_picture(
    label: str, xyxy: tuple[float, float, float, float], *, crowd: bool
) -> None:
    """Whatever a class is called, its plate lies in the picture and nothing fails."""
    legend = Legend.of([label])
    drawn = draw_objects(grey(), [Annotation(label, xyxy, crowd=crowd)], legend)
    assert drawn.shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    "label", ["猫", "собака", "कुत्ता", "كلب", "🐈", "a\nb", "\ud800", "x" * 500]
)
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (200, 300)])
def test_hard_labels_in_small_pictures(label: str, size: tuple[int, int]) -> None:
    """Scripts without a font, line breaks and long names fail in no picture."""
    pixels = np.zeros((*size, 3), np.uint8)
    annotations = [Annotation(label, (0, 0, size[1], size[0]))]
    assert draw_objects(pixels, annotations, Legend.of([label])).shape == (*size, 3)


def test_picture_that_is_given_stays_as_it_is() -> None:
    """What is drawn is drawn into a copy, and twice the same."""
    pixels = grey()
    annotations = [Annotation("cat", (5, 5, 40, 40)), Annotation("dog", (10, 10, 30, 30))]
    first = draw_objects(pixels, annotations, LEGEND)
    assert (pixels == 128).all()
    assert (first == draw_objects(pixels, annotations[::-1], LEGEND)).all()


def test_small_objects_are_drawn_over_large_ones() -> None:
    """An object inside another stays to be seen whatever the order."""
    small, large = Annotation("cat", (20, 20, 30, 30)), Annotation("dog", (0, 0, 80, 60))
    for order in ([small, large], [large, small]):
        drawn = draw_objects(grey(), order, LEGEND, named=False)
        assert tuple(drawn[20, 20]) == LEGEND.colour("cat")


def test_lines_grow_with_the_picture() -> None:
    """A line is one pixel in a small picture and wide enough to be seen in a large one."""
    widths = []
    for side in (100, 1000, 4000):
        pixels = np.full((side, side, 3), 128, np.uint8)
        box = Annotation("cat", (0, 0, side, side))
        drawn = draw_objects(pixels, [box], LEGEND, named=False)
        widths.append(
            int((drawn[side // 2, : side // 2] == LEGEND.colour("cat")).all(axis=1).sum())
        )
    assert widths == [1, 4, 16]


def test_mask_that_is_none_leaves_its_box() -> None:
    """Run lengths that do not fit are no mask; the box is drawn."""
    broken = Annotation("cat", (10, 10, 30, 30), mask=Rle(HEIGHT, WIDTH, "00000"))
    found = changed(broken, named=False)
    assert found[10, 10:30].all()


def test_many_objects_are_not_hidden_by_their_names() -> None:
    """Where name plates would cover the picture there are none: colours tell."""
    annotations = [
        Annotation("cat", (x, y, x + 6, y + 6)) for x in range(0, 80, 8) for y in (0, 30)
    ]
    named = draw_objects(grey(), annotations, LEGEND)
    assert (named == draw_objects(grey(), annotations, LEGEND, named=False)).all()


@given(st.sets(texts, min_size=1, max_size=60))
def test_classes_keep_their_colours(labels: set[str]) -> None:
    """Equal classes give equal colours in any order, no two the same, with readable letters."""
    ordered = sorted(labels)
    legend = Legend.of(ordered[::-1])
    assert legend == Legend.of(labels)
    assert len(set(legend.colours.values())) == len(labels)
    assert sorted(legend.numbers.values()) == list(range(1, len(labels) + 1))
    for colour in legend.colours.values():
        assert _contrast(colour, ink_on(colour)) > 4.5


def _contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """As WCAG 2.2 defines it, 1 to 21."""

    def luminance(colour: tuple[int, int, int]) -> float:
        shares = [value / 255 for value in colour]
        linear = [
            share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
            for share in shares
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@given(texts)
def test_one_line_is_one_short_line(text: str) -> None:
    """Names of files and classes are shown in one line of printable text."""
    shown = one_line(text * 9)
    assert len(shown) <= 60
    assert shown.isprintable()
    shown.encode()
