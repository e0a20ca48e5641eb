"""A Space with a wheel of this package: sent beside `requirements.txt`, whose line for the package names where it will be."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from urllib.parse import quote

from huggingface_hub import constants

from .errors import HubError
from .files import Outgoing

_REQUIREMENTS = "requirements.txt"
_NAME = re.compile(r"hf_optical-[^-/]+(-[^-/]+){3,4}\.whl")
# The line of the package: its extras.
_LINE = re.compile(r"^[ \t]*hf[-_.]optical[ \t]*(\[[^\]\n]*\])?(?![\w.-])[^\n]*$", re.MULTILINE | re.IGNORECASE)


def check_wheel(file: str | Path) -> Path:
    """The wheel. Raises HubError if it is none of this package."""
    wheel = Path(file)
    if not wheel.is_file():
        raise HubError(f"wheel {file}: there is no such file; make one with `pip wheel --no-deps .`")
    if not _NAME.fullmatch(wheel.name) or not zipfile.is_zipfile(wheel):
        raise HubError(f"wheel {file} is no wheel of hf_optical, which is named hf_optical-VERSION-py3-none-any.whl: give that.")
    return wheel


def with_wheel(files: list[Outgoing], wheel: Path, repo: str, branch: str, *, private: bool) -> list[Outgoing]:
    """The files with the wheel, and with `hf_optical[EXTRAS] @ URL` in requirements.txt.

    While a Space installs its requirements only that file is there: a path beside it names nothing, an address is found.

    Raises:
        HubError: there is no such line to replace; the Space is private, and the installation has no token to fetch the wheel.
    """
    if private:
        raise HubError(f"{repo} is private, and no token is there while a Space is built, so the wheel could not be fetched.")
    url = f"{constants.ENDPOINT}/spaces/{repo}/resolve/{quote(branch, safe='')}/{quote(wheel.name)}"
    text = next((file.read().decode() for file in files if file.path == _REQUIREMENTS), "")
    lines, number = _LINE.subn(lambda line: f"hf_optical{line[1] or ''} @ {url}", text)
    if number != 1:
        raise HubError(
            f"{_REQUIREMENTS} has {number} lines for hf_optical: write one, such as hf_optical[demo], to install the wheel."
        )
    others = [file for file in files if file.path not in (_REQUIREMENTS, wheel.name)]
    return sorted([*others, Outgoing(_REQUIREMENTS, lines.encode()), Outgoing(wheel.name, wheel)], key=lambda file: file.path)
