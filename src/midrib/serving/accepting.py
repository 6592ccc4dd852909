"""What a client wants to be answered with: JSON, or its picture with what was found in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from midrib.errors import NotAcceptableError

JSON = "application/json"
DRAWN = {"image/png": "PNG", "image/jpeg": "JPEG"}
"""Types of drawn pictures, and what Pillow calls them."""

_DRAWN_TASKS = frozenset({"detection", "segmentation"})


def accepted_type(accept: str, task: str) -> str:
    """The type of the answer: of those that there are for the task, what is wanted most.

    Args:
        accept: the header of that name (RFC 9110, section 12.5.1), empty where there is none.
        task: the model's.

    Raises:
        NotAcceptableError: none of them is wanted.
    """
    offered = (JSON, *DRAWN) if task in _DRAWN_TASKS else (JSON,)
    if not accept.strip():
        return JSON
    ranges = list(_ranges(accept))
    best, chosen = max(
        ((_wanted(offer, ranges), offer) for offer in offered), key=lambda each: each[0]
    )
    if best <= 0:
        raise NotAcceptableError(
            f"Accept: {accept.strip():.200}",
            expected=f"one of: {', '.join(offered)}",
            todo="ask for one of these, or leave the header out for JSON",
        )
    return chosen


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    """Each range of types with its weight, 0 to 1; a weight that is no number counts as 1."""
    for part in accept.split(","):
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        weights = [each.removeprefix("q=") for each in parameters if each.startswith("q=")]
        try:
            weight = float(weights[0]) if weights else 1.0
        except ValueError:
            weight = 1.0
        yield name, min(max(weight, 0.0), 1.0)


def _wanted(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The weight of the range that names ``offer`` most closely."""
    for name in (offer, f"{offer.partition('/')[0]}/*", "*/*"):
        weights = [weight for given, weight in ranges if given == name]
        if weights:
            return max(weights)
    return 0.0
