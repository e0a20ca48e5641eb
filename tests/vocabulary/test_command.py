"""`optical adapt-vocabulary`, as a person calls it."""

import json

import pytest

from hf_optical.commands.adapt_vocabulary import run
from hf_optical.data import DataError
from hf_optical.models import OpticalStudentModel

PAIRS = "english\tnon_english\n" + "".join(f"the market {i}\tsokoni {i}\n" for i in range(6))


@pytest.fixture
def bitext(workshop):
    (workshop / "new.tsv").write_text(PAIRS, encoding="utf-8")
    return ["--bitext", "new.tsv", "--language", "sw", "--output", "adapted"]


@pytest.mark.parametrize("source", [["--teacher", "teacher"], ["--student", "student"]])
def test_student_and_report_are_written(workshop, bitext, source, capsys):
    run([*source, *bitext, "--json"])
    report = json.loads(capsys.readouterr().out)
    assert report["words_added"] == 1
    assert json.loads((workshop / "adapted" / "vocabulary_report.json").read_text()) == report
    student = OpticalStudentModel.from_pretrained("adapted")
    assert student.config.languages == ["sw"]
    assert student.tokenizer.tokenize("Sokoni") == ["sokoni"]
    assert len(student.encode_query(["sokoni"])) == 1


def test_table_for_a_person(bitext, capsys):
    run(["--teacher", "teacher", *bitext])
    shown = capsys.readouterr().out
    assert "pieces per word" in shown
    assert shown.rstrip().endswith("student, yet to be distilled: adapted\nnext: optical distill --student adapted ...")


def test_limits(bitext, capsys):
    run(["--teacher", "teacher", *bitext, "--json", "--min-count", "7"])
    assert json.loads(capsys.readouterr().out)["words_added"] == 0


def test_a_model_in_the_way_is_kept(workshop, bitext):
    before = (workshop / "student" / "config.json").read_bytes()
    with pytest.raises(FileExistsError, match="holds a model already"):
        run(["--teacher", "teacher", *bitext[:-1], "student"])
    assert (workshop / "student" / "config.json").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "one of the arguments --teacher --student is required"),
        (["--teacher", "teacher", "--student", "student"], "not allowed with argument --teacher"),
        (["--teacher", "teacher", "--min-count", "0"], "not a whole number of 1 or more"),
        (["--teacher", "teacher", "--mincount", "2"], "did you mean '--min-count'"),
        (["--teacher", "nowhere"], "there is no such folder"),
        (["--student", "teacher"], "not a student"),
    ],
)
def test_mistakes(workshop, bitext, options, message):
    with pytest.raises((ValueError, DataError), match=message):
        run([*options, *bitext])
    assert not (workshop / "adapted").exists()
