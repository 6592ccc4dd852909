"""Arguments and options that several verbs take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from midrib.errors import UsageError

if TYPE_CHECKING:
    from midrib.tiling import Tiling

Source = Annotated[
    str,
    typer.Argument(
        help="A folder of labelled pictures, a .zip or .tar of one, a table, or a bucket's URL.",
        show_default=False,
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse the data when any picture cannot be used.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Open unchanged files again.")]
Embeddings = Annotated[
    str | None,
    typer.Option(
        metavar="BACKBONE", help="Compare what pictures show by this backbone, pretrained."
    ),
]
EmbeddingWeights = Annotated[
    str, typer.Option(help="Of that backbone: 'auto', or what 'train --weights' takes.")
]
Tile = Annotated[
    int | None,
    typer.Option(
        help="Look at larger pictures in tiles of this height and width, in pixels.",
        show_default=False,
    ),
]
Overlap = Annotated[
    int | None,
    typer.Option(help="Pixels that tiles share at least.", show_default="a quarter of the tile"),
]


def tiling_of(tile: int | None, overlap: int | None) -> Tiling | None:
    """The tiles that were asked for. Raises ``ConfigError``, ``UsageError``."""
    from midrib.tiling import Tiling

    if tile is None and overlap is not None:
        raise UsageError(
            f"an overlap of {overlap} pixels without tiles",
            expected="the size of a tile beside it",
            todo="add --tile, or leave --overlap out",
        )
    return None if tile is None else Tiling.of(tile, overlap)
