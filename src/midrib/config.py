"""The base of every stage's options: typed, frozen, unknown keys refused, load, save, diff."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from midrib.errors import ConfigError
from midrib.names import nearest
from midrib.storage import write_text


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no white space: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def fingerprint(value: object) -> str:
    """SHA-256, as 64 hex digits, of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


class Config(BaseModel):
    """Options of one stage. Subclasses add fields, each explained; instances never change.

    Raises ``ConfigError`` for an unknown key (with the nearest known one) or a value that
    does not fit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def __init__(self, **options: Any) -> None:
        try:
            super().__init__(**options)
        except ValidationError as problem:
            raise config_error(type(self), problem) from None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read options from a ``.json`` or ``.toml`` file."""
        try:
            text = path.read_text(encoding="utf-8")
            options = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        except FileNotFoundError:
            raise ConfigError(
                f"{path} does not exist", expected="a .json or .toml file", todo="check the path"
            ) from None
        except (OSError, ValueError) as problem:  # not JSON, not TOML, not text, not readable
            raise ConfigError(
                f"{path} cannot be read: {problem}",
                expected="valid JSON or TOML",
                todo="mend the file at that place",
            ) from None
        if not isinstance(options, dict):
            raise ConfigError(
                f"{path} holds a {type(options).__name__}",
                expected="a table of options",
                todo="write one 'name: value' pair an option",
            )
        return cls(**options)

    @classmethod
    def resolve(
        cls, file: Path | None, assignments: Sequence[str], given: Mapping[str, Any]
    ) -> Self:
        """Options from a file, over them 'name=value' texts, over them values that are not None.

        Raises ``ConfigError`` for a text without '=' and for whatever does not fit.
        """
        options: dict[str, Any] = cls.load(file).model_dump(exclude_unset=True) if file else {}
        for assignment in assignments:
            name, equals, value = assignment.partition("=")
            if not equals:
                raise ConfigError(
                    f"'{assignment}' has no '='",
                    expected="NAME=VALUE",
                    todo=f"write --set {name}=VALUE",
                )
            options[name.strip().replace("-", "_")] = value.strip()
        return cls(**options | {name: value for name, value in given.items() if value is not None})

    def save(self, path: Path) -> None:
        """Write the resolved options as JSON."""
        write_text(path, self.model_dump_json(indent=2) + "\n")

    def diff(self, other: Self) -> dict[str, tuple[Any, Any]]:
        """Options that differ, each with this value and the other one."""
        mine, theirs = self.model_dump(mode="json"), other.model_dump(mode="json")
        return {key: (mine[key], theirs[key]) for key in mine if mine[key] != theirs[key]}

    def fingerprint(self) -> str:
        """SHA-256 of the resolved options."""
        return fingerprint(self.model_dump(mode="json"))


def config_error(owner: type[BaseModel], problem: ValidationError) -> ConfigError:
    """The first fault of a pydantic validation as one line for a user."""
    fault = problem.errors()[0]
    place = ".".join(str(part) for part in fault["loc"]) or owner.__name__
    if fault["type"] == "extra_forbidden":
        close = nearest(place.rsplit(".", 1)[-1], owner.model_fields)
        return ConfigError(
            f"unknown option '{place}' for {owner.__name__}",
            expected="one of: " + ", ".join(sorted(owner.model_fields)),
            todo=f"did you mean '{close[0]}'?" if close else "remove it",
        )
    expected = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:
        return ConfigError(
            f"the options of {owner.__name__} do not fit each other",
            expected=expected,
            todo="change one of them",
        )
    return ConfigError(
        f"option '{place}' of {owner.__name__} is {fault['input']!r}",
        expected=expected[0].lower() + expected[1:],
        todo="change its value",
    )
