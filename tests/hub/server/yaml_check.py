"""Card metadata, checked as the Hub does before it takes a README.md."""

from __future__ import annotations

import re
from typing import Any

import yaml

_FRONT = re.compile(r"^\s*---[\r\n]+(.*?)[\r\n]+---(?:[\r\n]|$)", re.DOTALL)
_REPO = re.compile(r"^[\w.-]+(/[\w.-]+)?$")
_LICENCE_NAMES = """
apache-2.0 mit openrail bsd bsd-2-clause bsd-3-clause cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0
cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0
cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 gpl gpl-2.0 gpl-3.0 lgpl-2.1 lgpl-3.0 agpl-3.0 odc-by odbl pddl mpl-2.0 unlicense unknown
other
"""
_LICENCES = set(_LICENCE_NAMES.split())
_COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
_TASKS = {"sentence-similarity", "feature-extraction", "text-ranking", "translation", "text-retrieval", "text-classification"}


def front_matter(text: str) -> dict[str, Any]:
    """The metadata of a card, {} where there is none or it cannot be read."""
    found = _FRONT.match(text)
    try:
        data = yaml.safe_load(found.group(1)) if found else {}
    except yaml.YAMLError:
        return {}
    return data if isinstance(data, dict) else {}


def card_problems(text: str, kind: str) -> list[str]:
    """What is wrong with the metadata of a card, [] if nothing."""
    found = _FRONT.match(text)
    if not found:
        return []
    try:
        data = yaml.safe_load(found.group(1))
    except yaml.YAMLError as error:
        return [f"Invalid YAML metadata: {error}"]
    if not isinstance(data, dict):
        return ["YAML metadata must be a mapping"]
    problems = list(_common(data))
    if kind == "model":
        problems += _model(data)
    elif kind == "dataset":
        problems += _dataset(data)
    else:
        problems += _space(data)
    return problems


def _listed(value: Any) -> list:
    return value if isinstance(value, list) else [value]


def _common(data: dict[str, Any]) -> list[str]:
    problems = []
    for licence in _listed(data.get("license", [])):
        if licence not in _LICENCES:
            problems.append(f'"license" must be one of the known ones, got {licence!r}')
    if "license_link" in data and data.get("license") != "other":
        problems.append('"license_link" needs "license: other"')
    for language in _listed(data.get("language", [])):
        if not (isinstance(language, str) and re.fullmatch(r"[a-z]{2,3}(-[A-Za-z]+)?|multilingual|code", language)):
            problems.append(f'"language" must be a code, got {language!r}')
    for tag in _listed(data.get("tags", [])):
        if not isinstance(tag, str):
            problems.append(f'"tags" must be strings, got {tag!r}')
    return problems


def _model(data: dict[str, Any]) -> list[str]:
    problems = []
    for key in ("base_model", "datasets"):
        for repo in _listed(data.get(key, [])):
            if not (isinstance(repo, str) and _REPO.match(repo)):
                problems.append(f'"{key}" with value {repo!r} is not valid: use a model id from the Hub')
    if data.get("pipeline_tag", "text-ranking") not in _TASKS:
        problems.append(f'"pipeline_tag" {data["pipeline_tag"]!r} is not known')
    for entry in data.get("model-index", []):
        if not isinstance(entry.get("name"), str):
            problems.append('"model-index[0].name" is required')
        for i, result in enumerate(entry.get("results", [])):
            place = f"model-index[0].results[{i}]"
            for path in (("task", "type"), ("dataset", "type"), ("dataset", "name")):
                if not isinstance((result.get(path[0]) or {}).get(path[1]), str):
                    problems.append(f'"{place}.{".".join(path)}" is required')
            if not result.get("metrics"):
                problems.append(f'"{place}.metrics" is required')
            for metric in result.get("metrics") or []:
                if not isinstance(metric.get("type"), str) or metric.get("value") is None:
                    problems.append(f'"{place}.metrics" need type and value')
    return problems


def _dataset(data: dict[str, Any]) -> list[str]:
    problems = []
    for config in data.get("configs", []):
        if not isinstance(config.get("config_name"), str) or not config.get("data_files"):
            problems.append('"configs" need config_name and data_files')
    for category in data.get("size_categories", []):
        if not re.fullmatch(r"n<1K|\d+[KMBT]<n<\d+[KMBT]|n>1T", category):
            problems.append(f'"size_categories" {category!r} is not known')
    for task in data.get("task_categories", []):
        if task not in _TASKS:
            problems.append(f'"task_categories" {task!r} is not known')
    return problems


def _space(data: dict[str, Any]) -> list[str]:
    problems = []
    for key in ("colorFrom", "colorTo"):
        if data.get(key, "red") not in _COLOURS:
            problems.append(f'"{key}" must be one of {sorted(_COLOURS)}')
    if len(str(data.get("short_description", ""))) > 60:
        problems.append('"short_description" is longer than 60 characters')
    return problems
