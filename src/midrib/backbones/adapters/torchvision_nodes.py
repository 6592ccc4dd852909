"""Places in the graph of a torchvision model, by name."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torchvision.models.feature_extraction import get_graph_node_names


def nodes(model: nn.Module) -> list[str]:
    """Every step of a model in evaluation, in the order of execution, by the path of its module."""
    names: list[str] = get_graph_node_names(model, suppress_diff_warning=True)[1]
    return names


def map_nodes(model: nn.Module) -> list[str]:
    """The steps whose answer may be a level: where a building block or a step between them ends.

    Inside a block maps are partial: widened for a depthwise convolution, or one of several
    branches.
    """
    _, *names = nodes(model)  # the first is the picture itself
    body = [name for name in names if not _is_under(name, _classifier(model))]
    ends = {name for name in body if "." not in name}
    for block in _blocks(model):
        inside = [name for name in body if _is_under(name, block)]
        ends.update(inside[-1:])
    return [name for name in body if name in ends]


def node_before_classifier(model: nn.Module) -> str:
    """The step whose answer enters the classifier."""
    names = nodes(model)
    first = next(at for at, name in enumerate(names) if _is_under(name, _classifier(model)))
    return names[first - 1]


def runs_past(model: nn.Module, node: str) -> bool:
    """Whether layers with weights follow ``node`` before the classifier."""
    names, modules = nodes(model), dict(model.named_modules())
    after = names[names.index(node) + 1 :]
    return any(
        weight.ndim > 1
        for name in after
        if name in modules and not _is_under(name, _classifier(model))
        for weight in modules[name].parameters()
    )


def _blocks(model: nn.Module) -> Iterator[str]:
    """The children of a model, and theirs where they are a mere sequence."""
    for name, child in model.named_children():
        yield name
        if isinstance(child, nn.Sequential | nn.ModuleList):
            yield from (f"{name}.{key}" for key, _ in child.named_children())


def _classifier(model: nn.Module) -> str:
    return list(dict(model.named_children()))[-1]


def _is_under(node: str, module: str) -> bool:
    return node == module or node.startswith(f"{module}.")
