"""The configurations in the repository are read without an error: no setting in them has been renamed or has a wrong value."""

from pathlib import Path

import pytest

from hf_optical.comparison import load_config
from hf_optical.recipes.parsing import parse
from hf_optical.recipes.settings import DistillSettings, TeachSettings
from hf_optical.training import OpticalTrainingArguments, TeacherTrainingArguments

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))
COMPARISONS = [path for path in CONFIGS if "\nmethods:" in path.read_text()]
TEACHERS = [path for path in CONFIGS if path.name.startswith("teacher")]


def test_every_configuration_is_of_a_known_kind():
    assert len(COMPARISONS) >= 3
    assert {path.name for path in CONFIGS if path not in [*COMPARISONS, *TEACHERS]} == {"sw.yaml", "both_cpu.yaml"}


@pytest.mark.parametrize("path", COMPARISONS, ids=lambda path: path.name)
def test_comparisons(path):
    config = load_config(path)
    assert config.languages.keys() <= {"sw", "ha", "yo", "ig", "de", "es", "ru"}
    assert config.reference in config.methods


@pytest.mark.parametrize("path", [path for path in CONFIGS if path not in COMPARISONS], ids=lambda path: path.name)
def test_teachers_and_students(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    teacher = path in TEACHERS
    kinds = (TeachSettings, TeacherTrainingArguments) if teacher else (DistillSettings, OpticalTrainingArguments)
    settings, args = parse(kinds, [str(path), "--use_cpu", "true", "--bf16", "false"], prog="optical", description="")
    assert settings.triples if teacher else settings.bitext
    assert args.output_dir.startswith("runs/")
