"""The report says what was done, and why words were left out."""

import json

from hf_optical.vocabulary import VocabularyReport


def report() -> VocabularyReport:
    made = VocabularyReport(
        vocabulary_before=30_524,
        vocabulary_after=30_530,
        words_added=6,
        running_words=200,
        pieces_per_word_before=2.385,
        pieces_per_word_after=1.2,
        english_words_changed=0.00012,
    )
    made.skip("no alignment", [3, 1])
    made.skip("seen too seldom", [2] * 10)
    made.skip("never", [])
    return made


def test_json():
    found = json.loads(json.dumps(report().to_dict()))
    assert found["skipped"] == {"no alignment": {"words": 2, "running": 4}, "seen too seldom": {"words": 10, "running": 20}}
    assert found["vocabulary_after"] == 30_530


def test_table():
    lines = report().table().splitlines()
    assert lines[1].split()[-2:] == ["30,524", "30,530"]
    assert lines[2].split()[-2:] == ["2.38", "1.20"]
    assert any(line.split()[-2:] == ["0.012", "%"] for line in lines)
    # what weighs most comes first
    assert lines[-2].startswith("not added: seen too seldom")
    assert lines[-2].endswith("10 (10.0 % of running words)")
    assert lines[-1].endswith("2 (2.0 % of running words)")


def test_nothing_is_no_division_by_zero():
    assert "0.00" in VocabularyReport().table()
