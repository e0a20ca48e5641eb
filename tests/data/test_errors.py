import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.data.errors import DataError, did_you_mean


@given(st.text(min_size=1), st.text(), st.text())
def test_message_is_always_one_line(problem, path, fix):
    message = str(DataError(problem, path=path, line=3, column="english\n", fix=fix))
    assert len(message.splitlines()) <= 1
    assert "\n" not in message


def test_message_names_file_line_column_problem_and_fix():
    error = DataError("holds int, not text", path="a.jsonl", line=7, column="english", fix="write a string")
    assert str(error) == "a.jsonl:7: column 'english': holds int, not text; write a string"
    assert (error.path, error.line, error.column) == ("a.jsonl", 7, "english")
    assert isinstance(error, ValueError)


def test_survives_pickling_between_processes():
    error = pickle.loads(pickle.dumps(DataError("bad", path="a.tsv", line=2, fix="mend it")))
    assert str(error) == "a.tsv:2: bad; mend it"
    assert error.line == 2


@pytest.mark.parametrize(("word", "hint"), [("Englsh", "did you mean 'english'?"), ("xyzzy", "")])
def test_near_names(word, hint):
    assert did_you_mean(word, ["english", "swahili"]) == hint
