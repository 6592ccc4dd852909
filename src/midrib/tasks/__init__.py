"""What answers: head, loss and decoding of each task, over any backbone."""

from midrib.tasks.classification import Classifier, ServedClassifier
from midrib.tasks.losses import LOSSES, create_loss

__all__ = ["LOSSES", "Classifier", "ServedClassifier", "create_loss"]
