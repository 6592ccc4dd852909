"""Verbs that make a model: train, evaluate, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from midrib.cli.console import AsJson, ConsoleReporter, show
from midrib.cli.options import Overlap, Source, Strict, Tile, tiling_of


def train(
    source: Source,
    *,
    name: Annotated[
        str | None, typer.Option(help="Name of the model.", show_default="the folder's name")
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="classification, detection, instances or segmentation."),
    ] = None,
    algorithm: Annotated[
        str | None,
        typer.Option(
            help="What answers: 'retinanet' for objects, 'unet' for pixels.",
            show_default="linear-classifier",
        ),
    ] = None,
    backbone: Annotated[str | None, typer.Option(help="What sees.")] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="'auto', 'hub', 'packaged', 'none', a file, or an earlier run."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Times every picture is seen.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures a step.")] = None,
    size: Annotated[int | None, typer.Option(help="Height and width of the model input.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak rate.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cuda, mps or cpu.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.")] = None,
    config: Annotated[Path | None, typer.Option(help="Options in a .json or .toml file.")] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other option; may be repeated."),
    ] = None,
    positive: Annotated[
        str | None, typer.Option(help="With two classes: the one that a threshold is about.")
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(help="'balanced', 'recall:0.95' or a number; of classifiers with --positive."),
    ] = None,
    tile: Tile = None,
    overlap: Overlap = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Tell what would be trained, and stop.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget an earlier equal run.")] = False,
    split_config: Annotated[
        Path | None, typer.Option(help="How to split: options in a .json or .toml file.")
    ] = None,
    allow_leak: Annotated[
        bool,
        typer.Option("--allow-leak", help="Train although held-out pictures have been copied."),
    ] = False,
    strict: Strict = False,
    json: AsJson = False,
) -> None:
    """Train, export, prove and publish a model. An equal run goes on where it stopped.

    For example:

    midrib train my-photos/

    midrib train my-photos/ --epochs 20 --size 160 --set augmentation=dihedral

    midrib train nuclei/ --task segment --algorithm fpn

    midrib train nuclei/ --task instances
    """
    from midrib import pipeline
    from midrib.datasets import SplitConfig
    from midrib.exporting import ExportConfig
    from midrib.tasks.algorithms import algorithm_for
    from midrib.training import TrainConfig

    given = {
        "algorithm": algorithm_for(task, algorithm),
        "backbone": backbone,
        "weights": weights,
        "epochs": epochs,
        "batch_size": batch_size,
        "size": size,
        "learning_rate": learning_rate,
        "device": device,
        "seed": seed,
    }
    chosen = TrainConfig.resolve(config, options or [], given)
    splits = SplitConfig.load(split_config) if split_config else None
    if explain:
        told = pipeline.explain(
            source, config=chosen, split_config=splits, reporter=ConsoleReporter()
        )
        show(told, as_json=json)
        return
    result = pipeline.train(
        source,
        name=name,
        config=chosen,
        export_config=ExportConfig(
            positive=positive, threshold=threshold, tiles=tiling_of(tile, overlap)
        ),
        split_config=splits,
        fresh=fresh,
        allow_leak=allow_leak,
        strict=strict,
        reporter=ConsoleReporter(),
    )
    show(result, as_json=json)


def evaluate(
    target: Annotated[str, typer.Argument(help="A published name, NAME@VERSION, or a folder.")],
    source: Source,
    *,
    split: Annotated[
        Literal["train", "validation", "test", "all"], typer.Option(help="Which pictures.")
    ] = "test",
    engine: Annotated[str, typer.Option(help="auto, onnxruntime or openvino.")] = "auto",
    json: AsJson = False,
) -> None:
    """Score a model's file on pictures. They go through the very code that serves it.

    Example: midrib evaluate my-photos my-photos/ --split test
    """
    from midrib import pipeline

    result = pipeline.evaluate(
        target, source, split=split, engine=engine, reporter=ConsoleReporter()
    )
    show(result, as_json=json)


def export(
    run: Annotated[Path, typer.Argument(help="The folder of a run that 'midrib train' named.")],
    *,
    positive: Annotated[
        str | None, typer.Option(help="With two classes: the one that a threshold is about.")
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(help="'balanced', 'recall:0.95' or a number; of classifiers with --positive."),
    ] = None,
    tile: Tile = None,
    overlap: Overlap = None,
    most_overlap: Annotated[
        float | None,
        typer.Option(
            help="Of two objects of a class that overlap by more, the surer one is kept.",
            show_default="0.5",
        ),
    ] = None,
    most_objects: Annotated[
        int | None, typer.Option(help="Most objects of a picture.", show_default="100")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Where to write the package.", show_default="in the run")
    ] = None,
    json: AsJson = False,
) -> None:
    """Make a model package of a run again. Decision and place may be others.

    Example: midrib export ~/.midrib/runs/my-photos-1a2b3c4d5e6f --output my-package
    """
    from midrib import pipeline
    from midrib.exporting import ExportConfig
    from midrib.postprocessing import Suppression

    asked = {"most_overlap": most_overlap, "most_objects": most_objects}
    kept = {name: value for name, value in asked.items() if value is not None}
    result = pipeline.export(
        run,
        config=ExportConfig(
            positive=positive,
            threshold=threshold,
            tiles=tiling_of(tile, overlap),
            suppression=Suppression(**kept) if kept else None,
        ),
        output=output,
        reporter=ConsoleReporter(),
    )
    show(result, as_json=json)
