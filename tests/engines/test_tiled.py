"""A large picture is answered part by part, and the parts make a map."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from midrib.engines import load_predictor
from midrib.engines.tiled import predict_tiled
from midrib.packages import Package


def quarters() -> bytes:
    """200 × 300 pixels: red on the left, blue on the right, green in the lower right corner."""
    pixels = np.full((200, 300, 3), 20, np.uint8)
    pixels[:, :150, 0] = 220
    pixels[:, 150:, 2] = 220
    pixels[120:, 220:] = (20, 220, 20)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def test_each_part_is_answered_where_it_is(colours: Package) -> None:
    """Tiles tell what stands in them, and a class's map is high where it is, low elsewhere."""
    predictor = load_predictor(colours, engine="onnxruntime")
    seen: list[tuple[int, int]] = []
    found = predict_tiled(predictor, quarters(), progress=lambda *place: seen.append(place))

    assert seen[-1] == (len(found.tiles), len(found.tiles))
    np.testing.assert_allclose(found.scores.sum(axis=1), 1, rtol=1e-4)
    by_place = {
        (tile.left, tile.top): label for tile, label in zip(found.tiles, found.decided, strict=True)
    }
    last = found.tiles[-1]
    assert by_place[0, 0] == "red"
    assert by_place[last.left, 0] == "blue"
    assert by_place[last.left, last.top] == "green"
    assert found.highest("green")[0].top >= 100

    red = found.map_of("red")
    assert red.shape == (200, 300)
    assert red[:, :100].min() > 0.5 > red[:, 200:].max()
    small = found.map_of("red", cell=7)
    assert small.shape == (29, 43)
    np.testing.assert_allclose(small[10, 3], red[73, 24], atol=0.1)


def test_a_picture_of_one_tile_is_answered_as_ever(colours: Package) -> None:
    """A picture no larger than a tile gets the answer that the predictor gives it."""
    predictor = load_predictor(colours, engine="onnxruntime")
    found = predict_tiled(predictor, quarters(), size=300, overlap=0)
    (whole,) = predictor.predict([quarters()])
    assert len(found.tiles) == 1
    assert found.decided == (whole.label,)
    np.testing.assert_allclose(found.scores.max(), whole.score, rtol=1e-5)
