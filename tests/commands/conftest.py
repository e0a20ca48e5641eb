"""An index of the workshop's passages."""

import json

import pytest

from hf_optical.commands import index


@pytest.fixture
def made(workshop, capsys):
    index.run(["benchmark/corpus.jsonl", "--teacher", "teacher", "--output", "i", "--dtype", "int8", "--json"])
    return json.loads(capsys.readouterr().out)
