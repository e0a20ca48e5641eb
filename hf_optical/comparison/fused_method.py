"""A method whose rankings are another's, joined with BM25's: as a configuration has it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from ..data.errors import did_you_mean
from ..search.fusion import LEXICAL_WEIGHT
from .methods import FUSION, Method
from .yaml_nodes import Node

_KEYS = ("system", "title", "of", "lexical_weight")


def is_fused(node: Node) -> bool:
    """Whether an entry of the configuration has the system `fusion`."""
    if not node.is_mapping:
        return False
    system = node.mapping("setting").get("system")
    return system is not None and not (system.is_null or system.is_list or system.is_mapping) and system.text() == FUSION


def read_fused(name: str, node: Node, methods: Mapping[str, Method]) -> Method:
    """A method from its entry; languages, seeds and sizes are those of the method that it is made of.

    Raises:
        DataError: an unknown key, no such method, or a weight that is none.
    """
    entries = node.mapping(f"setting of method {name}", _KEYS)
    if "of" not in entries or entries["of"].is_null:
        raise node.error(f"method {name!r} does not say what it is made of", "write of: METHOD")
    of, title = entries["of"].text(), entries.get("title")
    if of not in methods:
        fix = did_you_mean(of, methods) or f"there are {', '.join(methods)}"
        raise entries["of"].error(f"{of!r} is no method that can be joined with BM25", fix)
    base = methods[of]
    weight = entries["lexical_weight"].text() if "lexical_weight" in entries else str(LEXICAL_WEIGHT)
    try:
        right = 0 < float(weight) < math.inf
    except ValueError:
        right = False
    if not right:
        raise entries["lexical_weight"].error(f"lexical_weight {weight!r} is no number above 0")
    return replace(
        base,
        name=name,
        title=title.text() if title else f"{base.title}, and BM25",
        system=FUSION,
        settings={"of": (of,), "lexical_weight": (str(float(weight)),)},
        base=base,
        line=node.line,
    )
