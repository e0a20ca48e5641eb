"""YAML with places: every value knows its line, so that a mistake in a configuration is told with file and line."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

import yaml

from ..data.errors import DataError, did_you_mean
from ..data.files import existing_file


class Node:
    """A value of a YAML file. Scalars are taken as they are written: to YAML, `no` (Norwegian) is false and `1e-3` is a text."""

    def __init__(self, node: yaml.Node, path: Path) -> None:
        self.node = node
        self.path = path
        self.line = node.start_mark.line + 1

    def error(self, problem: str, fix: str = "") -> DataError:
        """An error at this place."""
        return DataError(problem, path=self.path, line=self.line, fix=fix)

    @property
    def is_null(self) -> bool:
        """Nothing is written, or `null`."""
        return self.node.tag.endswith(":null")

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, yaml.SequenceNode)

    def mapping(self, what: str, known: Iterable[str] | None = None) -> dict[str, Node]:
        """`key: value` lines.

        Args:
            what: noun for an unknown key.
            known: the keys that may be there; None: any.

        Raises:
            DataError: no mapping, a key twice, or an unknown one, with the nearest known.
        """
        if not self.is_mapping:
            raise self.error(f"no `key: value` lines where {what}s are expected", "indent them below this key")
        entries: dict[str, Node] = {}
        for key, value in self.node.value:
            place = Node(key, self.path)
            name = place.text()
            if name in entries:
                raise place.error(f"{name!r} is set twice, first in line {entries[name].line}", "keep one")
            if known is not None and name not in known:
                raise place.error(f"unknown {what} {name!r}", did_you_mean(name, known) or f"known are {', '.join(known)}")
            entry = Node(value, self.path)
            entry.line = place.line
            entries[name] = entry
        return entries

    def items(self) -> list[Node]:
        """The entries of a list; one value is a list of one, nothing an empty one."""
        if self.is_null:
            return []
        return [Node(entry, self.path) for entry in self.node.value] if self.is_list else [self]

    def text(self) -> str:
        """One value. Raises DataError if it is a list, a mapping or empty."""
        if not isinstance(self.node, yaml.ScalarNode) or not str(self.node.value).strip():
            raise self.error("one value is expected here")
        return str(self.node.value)

    def texts(self) -> tuple[str, ...]:
        """One value or a list of them."""
        return tuple(entry.text() for entry in self.items())

    def whole(self, least: int = 0) -> int:
        """A whole number of `least` or more."""
        text = self.text()
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise self.error(f"{text!r} is no whole number of {least} or more")
        return number

    def switch(self) -> bool:
        """`true` or `false`."""
        text = self.text().lower()
        if text not in ("true", "false"):
            raise self.error(f"{text!r} is neither true nor false")
        return text == "true"

    def plain(self) -> Any:
        """The value as YAML has it: for what is passed on as it is."""
        return yaml.safe_load(yaml.serialize(self.node))


def read_yaml(path: str | PathLike[str]) -> Node:
    """The root of a YAML file.

    Raises:
        DataError: no such file, no UTF-8, no YAML, or empty.
    """
    path = existing_file(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"not readable as text ({error})", path=path, fix="give a YAML file in UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise DataError(problem, path=path, line=mark.line + 1 if mark else None, fix="write `key: value` lines") from None
    if root is None:
        raise DataError("the file is empty", path=path, fix="see configs/compare.yaml")
    return Node(root, path)
