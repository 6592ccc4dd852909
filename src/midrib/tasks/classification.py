"""Single-label classification: pooled features, dropout, one linear layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from midrib.backbones import Backbone
from midrib.packages.card import ANSWER_OUTPUT, EMBEDDING_OUTPUT
from midrib.tasks.interface import ModelRequest, TaskModel


class Classifier(TaskModel):
    """Uint8 pictures to logits.

    Args:
        backbone: what sees.
        classes: how many classes there are.
        dropout: share of the pooled features that training sets to zero.
    """

    task = "classification"
    outputs = (ANSWER_OUTPUT, EMBEDDING_OUTPUT)

    def __init__(self, backbone: Backbone, classes: int, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.classes = classes
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(backbone.facts.features, classes)
        nn.init.zeros_(self.head.bias)
        nn.init.normal_(self.head.weight, std=0.01)
        self.normalise_by(backbone.facts.normalisation)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures to logits and pooled embedding.

        Uint8, count × height × width × channels, 0 to 255, to float32, count × classes, and
        float32, count × features.
        """
        embedding = self.backbone(self.normalised(pictures))
        return self.head(self.dropout(embedding)), embedding

    @property
    def embedding_size(self) -> int:
        return self.backbone.facts.features

    def served(self) -> ServedClassifier:
        return ServedClassifier(self)


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


def linear_classifier(request: ModelRequest) -> Classifier:
    """The model of the algorithm of that name."""
    return Classifier(request.backbone, request.classes, request.options["dropout"])
