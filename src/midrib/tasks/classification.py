"""Single-label classification: pooled features, dropout, one linear layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from midrib.backbones import Backbone
from midrib.errors import UsageError


class Classifier(nn.Module):
    """Uint8 pictures to logits. Normalisation and layout are inside, so nobody else can err.

    Args:
        backbone: what sees.
        classes: how many classes there are.
        dropout: share of the pooled features that training sets to zero.
    """

    def __init__(self, backbone: Backbone, classes: int, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(backbone.facts.features, classes)
        nn.init.zeros_(self.head.bias)
        nn.init.normal_(self.head.weight, std=0.01)
        normalisation = backbone.facts.normalisation
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", _per_channel(normalisation.mean), persistent=False)
        self.register_buffer("std", _per_channel(normalisation.std), persistent=False)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures to logits and pooled embedding.

        Uint8, count × height × width × channels, 0 to 255, to float32, count × classes, and
        float32, count × features.
        """
        # A permuted NHWC tensor is what torch calls channels_last: no copy is made.
        scaled = pictures.permute(0, 3, 1, 2).float() / 255
        embedding = self.backbone((scaled - self.mean) / self.std)
        return self.head(self.dropout(embedding)), embedding

    def freeze_stages(self, count: int) -> None:
        """Keep the first ``count`` stages of the backbone as they are: weights and statistics.

        Raises ``UsageError`` when it has not so many.
        """
        stages = self.backbone.stages()
        if count > len(stages):
            raise UsageError(
                f"{count} stages of {self.backbone.facts.name} to freeze",
                expected=f"at most the {len(stages)} that it has",
                todo="lower frozen_stages",
            )
        for stage in stages[:count]:
            for module in stage:
                module.requires_grad_(requires_grad=False)

    def train(self, mode: bool = True) -> Classifier:  # noqa: FBT001, FBT002 - torch's signature
        """Switch to training; frozen stages stay in evaluation, else their statistics move."""
        super().train(mode)
        for stage in self.backbone.stages():
            for module in stage:
                if not any(parameter.requires_grad for parameter in module.parameters()):
                    module.eval()
        return self


class ServedClassifier(nn.Module):
    """What is exported: uint8 pictures to probabilities and embedding."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures to probabilities and pooled embedding.

        Uint8, count × height × width × channels, 0 to 255, to float32, count × classes, summing
        to 1 over classes, and float32, count × features.
        """
        logits, embedding = self.classifier(pictures)
        return torch.softmax(logits, dim=1), embedding


def _per_channel(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, -1, 1, 1)
