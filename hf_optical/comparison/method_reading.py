"""Methods as a configuration has them: unknown settings suggest the near one, wrong values are told with their line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields

from ..data.errors import did_you_mean
from .methods import SYSTEMS, Method, System, parse_settings
from .yaml_nodes import Node

LEXICONS = ("induced", "files", "both")
# Set for each run by the comparison itself, and where to set what they stand for.
_OWN = {
    **dict.fromkeys(("teacher", "passages"), "set it at the top, for all methods"),
    "triples": "set it at the top; `triples: false` is for a method that does without",
    "teacher_revision": "name the folder of a teacher",
    **dict.fromkeys(("bitext", "exclude", "english_column", "non_english_column"), "set it with the language"),
    **dict.fromkeys(("bitext_split", "bitext_config", "bitext_streaming", "language"), "set it with the language"),
    **dict.fromkeys(("output_dir", "resume", "overwrite"), "every run has a folder of its own below `output`, and resumes there"),
    "limit": "set it with a method, or `sizes` for several",
    "seed": "set `seeds`",
}
_COMMON = ("system", "title", "seeds", "languages", "lexicon")
_SIZES = ("limit", "sizes")
_TOGETHER = ("multilingual", "train_languages")
# `train_languages: others`: for each language a student that is trained on all of the others.
OTHERS = "others"


def setting_names() -> list[str]:
    """Everything that a student can be trained with."""
    from ..recipes.options import UNUSED
    from ..recipes.settings import DistillSettings
    from ..training import OpticalTrainingArguments

    names = [entry.name for kind in (DistillSettings, OpticalTrainingArguments) for entry in fields(kind) if entry.init]
    return [name for name in names if name not in UNUSED]


def read_training(node: Node | None) -> dict[str, Node]:
    """The settings that all students share; their values are checked with each method's."""
    entries = {} if node is None else node.mapping("training setting", [*setting_names(), *_OWN])
    _check_names(entries)
    return entries


def read_method(name: str, node: Node, training: Mapping[str, Node], languages: Mapping[str, bool]) -> Method:
    """A method from its entry in the configuration.

    Args:
        name, node: the entry.
        training: settings that all students share.
        languages: name -> whether it has a bitext.

    Raises:
        DataError: an unknown key or system, or a wrong value.
    """
    if node.is_null:
        raise node.error(f"method {name!r} is empty", "give at least its system, or `{}` for a student with the shared settings")
    known = dict.fromkeys((*_COMMON, *_SIZES, *_TOGETHER, *setting_names(), *_OWN))
    known |= dict.fromkeys(_translator_settings())
    entries = {**node.mapping(f"setting of method {name}", known)}
    title = entries.pop("title", None)
    system_node = entries.pop("system", None)
    system = system_node.text() if system_node else "student"
    if system not in SYSTEMS:
        raise system_node.error(f"unknown system {system!r}", did_you_mean(system, SYSTEMS) or f"known are {', '.join(SYSTEMS)}")
    seeds = entries.pop("seeds", None)
    subset = entries.pop("languages", None)
    use_triples = not _is_false(entries.get("triples"))
    if not use_triples:
        entries.pop("triples")
    lexicon = _lexicon(entries.pop("lexicon", None), SYSTEMS[system], system)
    sizes = _sizes(entries.pop("limit", None), entries.pop("sizes", None), SYSTEMS[system], system)
    leave_one_out, trained_on = _trained_on(entries.pop("multilingual", None), entries.pop("train_languages", None), languages)
    if trained_on is not None and system != "student":
        raise node.error(f"a {system} is not trained on several languages", "leave out multilingual and train_languages")
    if system == "student":
        _check_names(entries)
        entries = {**training, **entries}
        _check_values(node, name, entries)
        settings = {key: _texts(entry) for key, entry in entries.items() if not entry.is_null}
    else:
        settings = _options(system, entries)
    return Method(
        name=name,
        title=title.text() if title else SYSTEMS[system].title or name,
        system=system,
        settings=settings,
        seeds=_seeds(seeds, system),
        languages=_subset(subset, languages) if subset else None,
        sizes=sizes,
        train_languages=None if leave_one_out else trained_on,
        leave_one_out=leave_one_out,
        lexicon=lexicon,
        use_triples=use_triples,
        line=node.line,
    )


def _sizes(limit: Node | None, sizes: Node | None, system: System, name: str) -> tuple[int | None, ...]:
    given = sizes or limit
    if given is None:
        return (None,)
    if limit is not None and sizes is not None:
        raise sizes.error("limit and sizes are both given", "give one: `limit: 1000`, or `sizes: [1000, null]`")
    if not system.bitext:
        raise given.error(f"a {name} learns from no sentence pairs", "leave it out")
    found = tuple(None if entry.is_null else entry.whole(1) for entry in given.items())
    if not found or len(set(found)) < len(found):
        raise given.error("sizes are different numbers of pairs, null for all", "write for example [1000, 4000, null]")
    return found


def _is_false(node: Node | None) -> bool:
    return node is not None and not node.is_list and not node.is_mapping and not node.is_null and node.text().lower() == "false"


def _lexicon(node: Node | None, system: System, name: str) -> str:
    if node is None or node.is_null:
        return "induced"
    if not system.bitext or name == "seq2seq":
        raise node.error(f"a {name} translates no words", "leave out lexicon")
    if node.is_list or node.text() not in LEXICONS:
        raise node.error(f"lexicon is one of {', '.join(LEXICONS)}", "its files are set with the language")
    return node.text()


def _trained_on(
    multilingual: Node | None, chosen: Node | None, languages: Mapping[str, bool]
) -> tuple[bool, tuple[str, ...] | None]:
    """Whether every language is left out once, and the languages that one student is trained on."""
    trainable = tuple(name for name, has_bitext in languages.items() if has_bitext)
    together = multilingual is not None and not multilingual.is_null and multilingual.switch()
    if chosen is None or chosen.is_null:
        return False, trainable if together else None
    if multilingual is not None and not together:
        raise chosen.error("train_languages is for one student of several languages", "write multilingual: true")
    if not chosen.is_list and chosen.text() == OTHERS:
        if len(trainable) < 3:
            raise chosen.error("leaving one language out needs three or more with a bitext", "name the languages to train on")
        return True, ()
    trained_on = _subset(chosen, languages)
    for language in trained_on:
        if not languages[language]:
            raise chosen.error(f"{language!r} has no bitext to train on", "give it one, or leave it out")
    return False, trained_on


def _subset(node: Node, languages: Mapping[str, bool]) -> tuple[str, ...]:
    names = node.texts()
    for name, entry in zip(names, node.items(), strict=True):
        if name not in languages:
            fix = did_you_mean(name, languages) or f"they are {', '.join(languages)}"
            raise entry.error(f"{name!r} is none of the languages of this comparison", fix)
    if not names or len(set(names)) < len(names):
        raise node.error("give each language once, and at least one")
    return names


def _seeds(node: Node | None, system: str) -> tuple[int, ...] | None:
    if node is None or node.is_null:
        return None
    if not SYSTEMS[system].trained:
        raise node.error(f"a {system} is not trained and has no seed", "leave out seeds")
    seeds = tuple(entry.whole(0) for entry in node.items())
    if not seeds or len(set(seeds)) < len(seeds):
        raise node.error("seeds are different whole numbers", "write for example [1, 2, 3]")
    return seeds


def _options(system: str, entries: Mapping[str, Node]) -> dict[str, tuple[str, ...]]:
    """Options of a system that is no student. Those of seq2seq are the arguments of its training."""
    allowed: dict[str, type] = {}
    if system == "seq2seq":
        from .seq2seq_settings import seq2seq_options

        allowed = seq2seq_options(trained="model" not in entries)
    for name, entry in entries.items():
        if name not in allowed:
            fix = did_you_mean(name, allowed) or f"it takes {', '.join([*allowed, *_COMMON])}"
            raise entry.error(f"a {system} has no setting {name!r}", fix)
        try:
            allowed[name](entry.text()) if allowed[name] in (int, float) else entry.text()
        except ValueError:
            raise entry.error(f"{name}: {entry.node.value!r} is no {allowed[name].__name__}") from None
    return {name: entry.texts() for name, entry in entries.items()}


def _translator_settings() -> list[str]:
    from .seq2seq_settings import seq2seq_options

    return [*seq2seq_options(trained=True), *seq2seq_options(trained=False)]


def _check_names(entries: Mapping[str, Node]) -> None:
    """Raise for a setting that the comparison sets itself."""
    for name, entry in entries.items():
        if name in _OWN:
            raise entry.error(f"{name!r} is not set here", _OWN[name])
        if name == "model":
            raise entry.error("'model' is a setting of seq2seq", "a student starts from `encoder`")


def _check_values(node: Node, name: str, entries: Mapping[str, Node]) -> None:
    """Raise for a value that does not fit, at its line; at the method's, where settings do not go together."""
    kept = {key: _texts(entry) for key, entry in entries.items() if not entry.is_null}
    try:
        parse_settings(kept)
    except (ValueError, TypeError) as error:
        reason = _reason(error)
    else:
        return
    for key, texts in kept.items():
        try:
            parse_settings({key: texts})
        except (ValueError, TypeError) as error:
            if _reason(error) == reason:
                raise entries[key].error(f"method {name!r}: {reason}") from None
    raise node.error(f"method {name!r}: {reason}")


def _reason(error: Exception) -> str:
    return str(error).removeprefix("argument ").split("; see `")[0]


def _texts(entry: Node) -> tuple[str, ...]:
    if entry.is_mapping:
        return (json.dumps(entry.plain()),)
    return entry.texts()
