"""A method whose rankings are another's, joined with BM25's or made with spelling variants: as a configuration has it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..data.errors import did_you_mean
from ..search.bm25 import NGRAMS
from ..search.fusion import LEXICAL_WEIGHT
from .methods import FUSION, Method
from .yaml_nodes import Node

# What reads a question word by word, and so does not know some of them.
_READING = ("student", "word_by_word")
_KEYS = ("system", "title", "of", "lexical_weight", "lexical_ngrams", "spelling_variants")


def is_fused(node: Node) -> bool:
    """Whether an entry of the configuration has the system `fusion`."""
    if not node.is_mapping:
        return False
    system = node.mapping("setting").get("system")
    return system is not None and not (system.is_null or system.is_list or system.is_mapping) and system.text() == FUSION


def read_fused(name: str, node: Node, methods: Mapping[str, Method]) -> Method:
    """A method from its entry; languages, seeds and sizes are those of the method that it is made of.

    Raises:
        DataError: an unknown key, no such method, a weight or a length of n-grams that is none, or spelling variants of what
            reads no words.
    """
    entries = node.mapping(f"setting of method {name}", _KEYS)
    if "of" not in entries or entries["of"].is_null:
        raise node.error(f"method {name!r} does not say what it is made of", "write of: METHOD")
    of, title = entries["of"].text(), entries.get("title")
    if of not in methods:
        fix = did_you_mean(of, methods) or f"there are {', '.join(methods)}; a fusion must stand above what is made of it"
        raise entries["of"].error(f"{of!r} is no method that can be joined with BM25", fix)
    base = methods[of]
    variants = "spelling_variants" in entries and entries["spelling_variants"].switch()
    if variants and base.system not in _READING:
        fix = f"name a method that reads words it may not know, a {' or a '.join(_READING)}"
        raise entries["spelling_variants"].error(f"{of!r} cannot ask for spelling variants", fix)
    weight = _weight(entries.get("lexical_weight"), least=0 if variants else None)
    ngrams = entries["lexical_ngrams"].whole(0) if "lexical_ngrams" in entries else NGRAMS
    if ngrams == 1:
        raise entries["lexical_ngrams"].error("n-grams of one letter tell no words apart", "write 0 for words, or 2 or more")
    if "lexical_ngrams" in entries and not weight:
        raise entries["lexical_ngrams"].error("lexical_ngrams has no effect with a lexical_weight of 0", "leave it out")
    added = ["with spelling variants"] * variants + ["and BM25"] * (weight > 0)
    return replace(
        base,
        name=name,
        title=title.text() if title else ", ".join([base.title, *added]),
        system=FUSION,
        settings={
            "of": (of,),
            "lexical_weight": (str(weight),),
            "lexical_ngrams": (str(ngrams),),
            "spelling_variants": (str(variants).lower(),),
        },
        base=base,
        line=node.line,
    )


def fusion_settings(method: Method) -> dict[str, Any]:
    """What a fusion's results depend on, besides what it is made of."""
    weight = float(method.option("lexical_weight"))
    return {
        "lexical_weight": weight,
        "lexical_ngrams": int(method.option("lexical_ngrams")) if weight else None,
        "spelling_variants": has_variants(method),
    }


def has_variants(method: Method) -> bool:
    """Whether the student is asked again, with spelling variants."""
    return method.system == FUSION and method.option("spelling_variants") == "true"


def _weight(node: Node | None, least: float | None) -> float:
    """Above 0; `least`: or this."""
    if node is None:
        return LEXICAL_WEIGHT
    try:
        weight = float(node.text())
    except ValueError:
        weight = math.nan
    if not (0 < weight < math.inf or weight == least):
        raise node.error(f"lexical_weight {node.text()!r} is no number {'of 0 or more' if least == 0 else 'above 0'}")
    return weight
