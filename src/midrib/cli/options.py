"""Arguments and options that several verbs take."""

from __future__ import annotations

from typing import Annotated

import typer

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
