import json

from hf_optical.data.report import BitextReport


def report():
    made = BitextReport("sw", length_ratio=1.1)
    for line in range(2, 9):
        made.reject("length ratio", "a.tsv", line)
    made.reject("empty side", "b.tsv", 5)
    made.keep("ntrex")
    made.keep("ntrex")
    return made


def test_counts_add_up_and_the_first_five_places_are_named():
    made = report()
    assert (made.rows_read, made.rows_kept, made.rows_rejected) == (10, 2, 8)
    assert made.rejected["length ratio"].count == 7
    assert made.rejected["length ratio"].first == [f"a.tsv:{line}" for line in range(2, 7)]
    assert made.kept_by_source == {"ntrex": 2}


def test_table_lists_reasons_by_count():
    lines = report().table().splitlines()
    assert lines[0].split() == ["sw-en", "rows", "%", "first"]
    assert lines[1].split() == ["read", "10", "100.0"]
    assert lines[2].split() == ["kept", "2", "20.0"]
    assert lines[3].startswith("length ratio          7   70.0  a.tsv:2, a.tsv:3")
    assert lines[4].split() == ["empty", "side", "1", "10.0", "b.tsv:5"]
    assert BitextReport("sw").table().splitlines()[1].split() == ["read", "0", "0.0"]


def test_save_writes_what_to_dict_says(tmp_path):
    made = report()
    made.save(tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text()) == made.to_dict()
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
