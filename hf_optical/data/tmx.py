"""TMX, the exchange format of translation memories (TMX 1.4b), read as a stream and without trust in its content."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from xml.parsers import expat

from .errors import DataError
from .files import LINE_TOO_LONG, MAX_LINE_BYTES, empty_file, existing_file, open_bytes
from .languages import same_language
from .rows import NO_TRANSLATION, BitextRow

# Elements inside a segment that hold the codes of a file format, not words of the sentence.
_CODES = frozenset({"bpt", "ept", "it", "ph", "ut"})
_CHUNK = 1 << 16


def tmx_pairs(path: Path, language: str) -> Iterator[BitextRow]:
    """Pairs of a `.tmx`, `.tmx.gz` or `.tmx.zip` file; language tags are matched by their first part (`sw-KE` is `sw`).

    Of several variants of a unit in one language the first is taken. Line numbers are those of the `<tu>` elements.

    Raises:
        DataError: Not well-formed XML, an entity declared or used (none is ever expanded or fetched), not a TMX file,
            or no unit in both languages.
    """
    found = 0
    tags: dict[str, None] = {}
    with _members(path) as streams:
        for stream in streams:
            units = _Units(path, language)
            for row in units.read(stream):
                found += not row.problem
                yield row
            tags.update(units.tags)
    if not found:
        problem = f"no unit in both 'en' and {language!r}; its languages are {', '.join(map(repr, tags)) or 'none'}"
        raise DataError(problem, path=path, fix="check language=")


@contextmanager
def _members(path: Path) -> Iterator[Iterator[IO[bytes]]]:
    if not existing_file(path).name.lower().endswith(".zip"):
        with open_bytes(path) as stream:
            yield iter([stream])
        return
    if path.stat().st_size == 0:
        raise empty_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if name.lower().endswith(".tmx"))
            if not names:
                raise DataError("no .tmx file in the archive", path=path, fix="pack the .tmx file itself")
            yield (archive.open(name) for name in names)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise DataError(f"the zip archive cannot be read ({error})", path=path, fix="download it again") from error


class _Units:
    """Translation units of one XML document, gathered by the handlers of a streaming parser."""

    def __init__(self, path: Path, language: str) -> None:
        self.path = path
        self.language = language
        self.tags: dict[str, None] = {}
        self.ready: list[BitextRow] = []
        self.root = ""
        self.line = 0
        self.tag = ""
        self.texts: dict[str, str] = {}
        self.over_long = False
        self.in_segment = False
        self.code_depth = 0
        self.pieces: list[str] = []
        self.size = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        # A declared entity can unfold without bound or name a file: TMX needs none beyond XML's own five.
        self.parser.EntityDeclHandler = self._entity
        self.parser.SkippedEntityHandler = self._entity
        self.parser.ExternalEntityRefHandler = self._entity

    def read(self, stream: IO[bytes]) -> Iterator[BitextRow]:
        """The units of the document, each as soon as it is whole."""
        more = True
        while more:
            chunk = stream.read(_CHUNK)
            more = bool(chunk)
            try:
                self.parser.Parse(chunk, not more)
            except expat.ExpatError as error:
                reason = expat.ErrorString(error.code)
                fix = "check that the file is whole, or export it again"
                raise DataError(f"not well-formed XML ({reason})", path=self.path, line=error.lineno, fix=fix) from error
            except (LookupError, UnicodeError) as error:
                raise DataError(f"unknown text encoding ({error})", path=self.path, fix="save it as UTF-8") from error
            yield from self.ready
            self.ready.clear()

    def _entity(self, name: str | None, *_: object) -> None:
        fix = "write the character itself; entities are never expanded"
        raise DataError(f"XML entity {name!r}", path=self.path, line=self.parser.CurrentLineNumber, fix=fix)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self.root:
            self.root = name
            if name != "tmx":
                raise DataError(f"the root element is <{name}>, not <tmx>", path=self.path, fix="give a TMX file")
        if self.in_segment:
            self.code_depth += name in _CODES
        elif name == "tu":
            self.line, self.texts, self.over_long = self.parser.CurrentLineNumber, {}, False
        elif name == "tuv":
            self.tag = attributes.get("xml:lang") or attributes.get("lang") or ""
            self.tags.setdefault(self.tag)
        elif name == "seg":
            self.in_segment, self.code_depth, self.pieces, self.size = True, 0, [], 0

    def _characters(self, text: str) -> None:
        if self.in_segment and not self.code_depth:
            self.size += len(text)
            if self.size <= MAX_LINE_BYTES:
                self.pieces.append(text)

    def _end(self, name: str) -> None:
        if name == "seg":
            self.in_segment = False
            side = next((code for code in ("en", self.language) if same_language(self.tag, code)), None)
            if side is not None and side not in self.texts:
                self.over_long |= self.size > MAX_LINE_BYTES
                self.texts[side] = "" if self.size > MAX_LINE_BYTES else "".join(self.pieces)
        elif self.in_segment:
            self.code_depth -= name in _CODES
        elif name == "tu":
            problem = LINE_TOO_LONG if self.over_long else "" if len(self.texts) == 2 else NO_TRANSLATION
            english, other = ("", "") if problem else (self.texts["en"], self.texts[self.language])
            self.ready.append(BitextRow(self.line, english, other, self.path.name, self.path.name, problem))
