"""Which languages a visitor can ask in, and whose students they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..data.languages import languages as language_table
from ..models import OpticalPreTrainedModel, OpticalStudentModel


@dataclass(frozen=True)
class LanguageChoice:
    """A language that a visitor can ask in."""

    code: str
    native_name: str
    english_name: str

    @property
    def label(self) -> str:
        """For the chooser: the native name, the English one behind it where it differs."""
        return self.native_name if self.native_name == self.english_name else f"{self.native_name} ({self.english_name})"


def names_by_language(students: Mapping[str, OpticalPreTrainedModel]) -> dict[str, list[str]]:
    """Language code to names of its students; those named by the code come first."""
    found: dict[str, list[str]] = {name: [name] for name in students if name in language_table()}
    for name, student in students.items():
        for code in student.config.languages if isinstance(student, OpticalStudentModel) else []:
            if name not in found.setdefault(code, []):
                found[code].append(name)
    for name in students:  # of no known language: it is its own
        if not any(name in names for names in found.values()):
            found[name] = [name]
    return found


def language_choice(code: str) -> LanguageChoice:
    language = language_table().get(code)
    return LanguageChoice(code, language.native, language.english) if language else LanguageChoice(code, code, code)
