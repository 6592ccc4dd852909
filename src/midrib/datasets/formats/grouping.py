"""Outlines that a file tells one by one, joined to the objects that they are parts of."""

from __future__ import annotations

from dataclasses import dataclass, field

from midrib.datasets.annotations import Annotation
from midrib.datasets.formats.objects import annotation


@dataclass
class Grouped:
    """Shapes of a picture of ``size`` (width, height), in the order of their first parts."""

    size: tuple[int, int]
    found: list[Annotation] = field(default_factory=list)
    _places: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, shape: Annotation, group: str) -> None:
        """Take one shape; outlines of one class and one group, if it has any, are one object.

        Raises ``Fault`` where they cannot be one.
        """
        key = (shape.label, group)
        if not group or not shape.polygons:
            self.found.append(shape)
        elif key in self._places:
            self._join(self._places[key], shape)
        else:
            self._places[key] = len(self.found)
            self.found.append(shape)

    def _join(self, place: int, more: Annotation) -> None:
        first = self.found[place]
        self.found[place] = annotation(
            first.label,
            self.size,
            polygons=(*first.polygons, *more.polygons),
            crowd=first.crowd or more.crowd,
            attributes={**dict(more.attributes), **dict(first.attributes)},
        )
