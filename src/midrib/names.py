"""The one registry of names that users type: duplicates raise, unknown names get near matches.

Built-ins and third parties enter by the same door: built-ins register when their module is
imported, third parties through the entry point group ``midrib.<kind>``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from midrib.errors import UnknownNameError, UsageError

T = TypeVar("T")

_SHOWN = 20
"""Names that an error lists."""

_MEANT = 3
"""Names that it asks after."""

_TELLING = 3
"""Letters from which on a part of a name tells which is meant."""


def nearest(name: str, known: Iterable[str], *, most: int = _MEANT) -> list[str]:
    """The known names that begin with ``name``, that hold it, and that look most like it."""
    folded = {candidate.lower(): candidate for candidate in known}
    typed = name.lower()
    begun = sorted(candidate for candidate in folded if typed and candidate.startswith(typed))
    held = sorted(
        candidate for candidate in folded if len(typed) >= _TELLING and typed in candidate
    )
    alike = get_close_matches(typed, folded, n=most, cutoff=0.5)
    return [folded[hit] for hit in dict.fromkeys([*begun, *held, *alike])][:most]


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """The error for a name that nothing answers to, with the known names, the nearest first."""
    choices = sorted(set(known))
    close = nearest(name, choices, most=_SHOWN)
    if close:
        todo = "did you mean " + " or ".join(f"'{choice}'" for choice in close[:_MEANT]) + "?"
    else:
        todo = "choose one of them"
    ordered = list(dict.fromkeys([*close, *choices]))
    shown = ", ".join(ordered[:_SHOWN]) + (" …" if len(ordered) > _SHOWN else "")
    return UnknownNameError(
        f"unknown {kind} '{name}'",
        expected=f"one of: {shown}" if choices else f"a {kind}, but there is none yet",
        todo=todo if choices else f"make a {kind} first",
    )


class Registry(Generic[T]):
    """Names of one kind of thing, each bound to what makes it.

    Args:
        kind: what the names stand for, in the singular, as a user would say it ('loss').
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}
        self._plugins_loaded = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorate what ``name`` stands for. Raises ``UsageError`` when the name is taken."""

        def bind(entry: T) -> T:
            if name in self._entries:
                raise UsageError(
                    f"two {self.kind} entries are called '{name}'",
                    expected="each name once",
                    todo="rename or remove one of them",
                )
            self._entries[name] = entry
            return entry

        return bind

    def get(self, name: str) -> T:
        """What ``name`` stands for. Raises ``UnknownNameError`` with near matches."""
        self._load_plugins()
        if name not in self._entries:
            raise unknown_name(self.kind, name, self._entries)
        return self._entries[name]

    def __contains__(self, name: str) -> bool:
        self._load_plugins()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        self._load_plugins()
        return iter(sorted(self._entries))

    def _load_plugins(self) -> None:
        if self._plugins_loaded:
            return
        self._plugins_loaded = True
        for point in entry_points(group=f"midrib.{self.kind.replace(' ', '_')}"):
            self.register(point.name)(self._loaded(point))

    def _loaded(self, point: EntryPoint) -> T:
        try:
            entry: T = point.load()
        except Exception as problem:  # noqa: BLE001 - what a foreign module raises is told, whatever it is
            raise UsageError(
                f"the {self.kind} '{point.name}' of {point.value} cannot be loaded: "
                f"{type(problem).__name__}: {problem}",
                expected="an installed package whose entry points work",
                todo="mend or remove the package that has it",
            ) from None
        return entry
