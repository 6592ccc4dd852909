"""Pictures with what is drawn in them, as detectors and segmenters learn from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from midrib.datasets import Item
from midrib.preprocessing import Recipe
from midrib.preprocessing.picture_cache import PictureCache
from midrib.records import Pixels
from midrib.training.augmentation import picture_generator
from midrib.training.examples import MEMORY_BYTES, Examples
from midrib.training.scene_augmentation import SCENE_AUGMENTATIONS
from midrib.training.scenes import Scene, scene_of


class SceneExamples(Examples):
    """Scenes, resized and augmented by (seed, epoch, index).

    Args:
        items: the pictures, with their annotations; there may be none in a picture.
        labels: the classes of objects in their order.
        recipe: how pictures are resized.
        augmentation: a registered scene augmentation's name.
        seed: of the augmentation.
        cache: keeps resized pictures on disk, for later runs and those that memory does not hold.
        memory_bytes: bound of what this process keeps at hand.
    """

    with_masks = False
    """Whether scenes have masks beside their boxes."""

    def __init__(
        self,
        items: Sequence[Item],
        labels: Sequence[str],
        recipe: Recipe,
        *,
        augmentation: str = "none",
        seed: int = 0,
        cache: PictureCache | None = None,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        super().__init__(items, recipe, seed=seed, cache=cache, memory_bytes=memory_bytes)
        self._labels = list(labels)
        self._augment = SCENE_AUGMENTATIONS.get(augmentation)

    def scene(self, place: tuple[int, int]) -> Scene:
        """The scene at (epoch, index)."""
        epoch, index = place
        found = self._scene(*self.resized(index))
        random = picture_generator(self._seed, epoch, index)
        return self._augment(found, (self.recipe.height, self.recipe.width), random)

    def _scene(self, pixels: Pixels, told: Any) -> Scene:
        """The scene of a picture before augmentation, from what `_truth` told of it."""
        return scene_of(told, pixels, self._labels, with_masks=self.with_masks, with_crowds=True)

    def _truth(self, item: Item, pixels: Pixels) -> Any:  # noqa: ARG002 - others draw in its size
        return item

    def _plain(self) -> None:
        self._augment = SCENE_AUGMENTATIONS.get("none")
