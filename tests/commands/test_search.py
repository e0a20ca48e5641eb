"""`optical search`, from the question to the answer."""

import json

import pytest

from hf_optical.commands import index, search


def test_it_goes_from_passages_to_answers(made, capsys):
    search.run(["i", "--student", "student", "mahindi soko", "-k", "3", "--json"])
    (answer,) = json.loads(capsys.readouterr().out)
    assert answer["query"] == "mahindi soko"
    assert len(answer["hits"]) == 3
    assert {"id", "score", "text", "matches"} <= answer["hits"][0].keys()
    search.run(["i", "--student", "sw=student", "--language", "sw", "mahindi soko", "-k", "3"])
    shown = capsys.readouterr().out
    assert all(hit["id"] in shown for hit in answer["hits"])
    search.run(
        [
            "--passages",
            "benchmark/corpus.jsonl",
            "--teacher",
            "teacher",
            "--student",
            "student",
            "mahindi soko",
            "-k",
            "1",
            "--json",
        ]
    )
    (today,) = json.loads(capsys.readouterr().out)
    # not the same passage for certain: in int8, scores of so few dimensions are off by a little
    assert today["hits"][0]["score"] == pytest.approx(answer["hits"][0]["score"], abs=0.2)
    assert today["hits"][0]["text"]


def test_a_batch_becomes_a_run(made, workshop, capsys):
    search.run(["i", "--student", "student", "--batch", "benchmark/queries.jsonl", "--run", "out.trec", "-k", "4", "--json"])
    assert json.loads(capsys.readouterr().out) == {"run": "out.trec", "queries": 8}
    lines = [line.split() for line in (workshop / "out.trec").read_text().splitlines()]
    assert len(lines) == 32
    assert lines[0][:2] == ["q0", "Q0"]
    assert [line[3] for line in lines[:4]] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--student", "student"], "give the folder of an index"),
        (["i", "--student", "student"], "give a question in quotes"),
        (["i", "q", "--student", "student", "--passages", "p"], "--passages and --teacher go together"),
        (["i", "q", "--student", "student", "--run", "out"], "--run writes the ranking of --batch"),
        (["i", "q", "--student", "student", "--batch", "benchmark/queries.jsonl"], "not both"),
        (["i", "q", "--student", "student", "--student", "student"], "given twice"),
        (["i", "q", "--student", "student", "--filter", "year"], "write NAME=VALUE"),
        (["i", "q", "--student", "student", "--language", "xx"], "no student for language 'xx'"),
        (["i", "q", "--student", "student", "-k", "0"], "'0' is not a whole number of 1 or more"),
        (["i", "q", "--student", "student", "--lexical_weight", "-1"], "'-1' is not a finite number of 0 or more"),
        (["i", "q", "--student", "student", "--lexical_weight", "nan"], "'nan' is not a finite number of 0 or more"),
        (["i", "q", "--student", "student", "--lexical-weight=inf"], "'inf' is not a finite number of 0 or more"),
        (["i", "q", "--student", "student", "--lexical_weight", "much"], "'much' is not a finite number of 0 or more"),
        (["nowhere", "q", "--student", "student"], "no index in nowhere"),
        (["i", "--student", "student", "--batch", "triples.jsonl"], "triples.jsonl:1: no _id, or no text"),
    ],
)
def test_search_says_what_is_wrong(made, argv, message):
    with pytest.raises(ValueError, match=message):
        search.run(argv)


def test_a_filter_given_twice_takes_any_of_its_values(workshop, capsys):
    years = (1999, 2000, "2000", 2001)
    rows = [{"_id": f"p{i}", "text": "lake", "metadata": {"year": year, "odd": i % 2 == 1}} for i, year in enumerate(years)]
    (workshop / "years.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    index.run(["years.jsonl", "--teacher", "teacher", "--output", "y"])
    capsys.readouterr()

    def found(*filters):
        search.run(["y", "--student", "student", "maji", "--json", *(word for entry in filters for word in ("--filter", entry))])
        return {hit["id"] for hit in json.loads(capsys.readouterr().out)[0]["hits"]}

    assert found("year=1999", "year=2000") == {"p0", "p1", "p2"}
    assert found("year=1999", "year=2000", "odd=true") == {"p1"}


def test_half_of_a_surrogate_pair_in_a_question(made, workshop):
    with pytest.raises(ValueError, match="holds half of a surrogate pair: write it in UTF-8"):
        search.run(["i", "--student", "student", "maji \udcff"])
    for record, column in (({"_id": "a", "text": "\ud800"}, "text"), ({"_id": "\ud800", "text": "a"}, "_id")):
        (workshop / "q.jsonl").write_text(json.dumps({"_id": "first", "text": "a"}) + "\n" + json.dumps(record) + "\n")
        with pytest.raises(ValueError, match=rf"q.jsonl:2.*{column}.*half of a surrogate pair"):
            search.run(["i", "--student", "student", "--batch", "q.jsonl"])


def test_a_student_of_documents_is_refused_by_search(made, workshop):
    config = json.loads((workshop / "student" / "config.json").read_text())
    (workshop / "student" / "config.json").write_text(json.dumps(config | {"side": "document"}))
    with pytest.raises(ValueError, match="encode documents, not questions") as raised:
        search.run(["i", "--student", "student", "maji"])
    assert "attach_teacher" not in str(raised.value)


@pytest.mark.parametrize("terminal", [False, True])
def test_a_passage_neither_breaks_lines_nor_steers_the_terminal(workshop, monkeypatch, capsys, terminal):
    text = "Water\n\tis\x1b]0;mine\x07 \x1b[31mdry\u202e\r\nmaize\x85 \x08end"
    (workshop / "p.jsonl").write_text(json.dumps({"_id": "d\x1b[2J", "text": text}) + "\n")
    monkeypatch.setattr(search.sys.stdout, "isatty", lambda: terminal)
    search.run(["--passages", "p.jsonl", "--teacher", "teacher", "--student", "student", "maji\x1b[1A"])
    printed = capsys.readouterr().out
    for code in (search._BOLD, search._PLAIN):
        assert (code in printed) == terminal
        printed = printed.replace(code, "")
    assert not {c for c in printed if not c.isprintable()} - {"\n"}
    assert "Water is]0;mine [31mdry maize end" in printed
    assert len(printed.strip().splitlines()) == (3 if terminal else 2)


@pytest.fixture
def named(workshop, capsys):
    """Passages of which the last shares a name with the question."""
    texts = [
        "maize market",
        "lake water",
        "the child at school",
        "rain and soil",
        "dry season",
        "a ship that can travel to Mombasa and buy seed from the king",
    ]
    rows = [{"_id": f"n{i}", "text": text, "metadata": {"even": i % 2 == 0}} for i, text in enumerate(texts)]
    (workshop / "named.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    index.run(["named.jsonl", "--teacher", "teacher", "--output", "n"])
    capsys.readouterr()
    return ["maji ya Mombasa", "--student", "student", "-k", "6"]


def test_the_weight_of_bm25_reaches_the_search(named, workshop, capsys):
    def asked(*options):
        search.run([*options, *named])
        return capsys.readouterr().out

    def found(*options):
        return [(hit["id"], hit["score"], hit["text"]) for hit in json.loads(asked(*options, "--json"))[0]["hits"]]

    alone = found("n")
    place = [i for i, *_ in alone].index("n5") + 1
    assert place > 1
    for where in (["n"], ["--passages", "named.jsonl", "--teacher", "teacher"]):
        assert found(*where, "--lexical_weight", "0") == found(*where)
        heavy = found(*where, "--lexical_weight", "50")
        assert heavy[0][0] == "n5"
        assert "Mombasa" in heavy[0][2]
    assert found("n", "--lexical_weight", "50")[0][1] == pytest.approx(1 / (60 + place) + 50 / 61)
    assert "n5" not in {i for i, *_ in found("n", "--lexical_weight", "50", "--filter", "even=true")}
    # fused scores are small: two decimals would not tell one from another
    assert f"1. {1 / (60 + place) + 0.5 / 61:.4f}  n5" in asked("n", "--lexical-weight", "0.5")
    (workshop / "q.jsonl").write_text(json.dumps({"_id": "q", "text": named[0]}) + "\n")
    search.run(["n", *named[1:], "--lexical_weight", "50", "--batch", "q.jsonl", "--run", "fused.trec"])
    assert "1 queries: fused.trec" in capsys.readouterr().out
    lines = [line.split() for line in (workshop / "fused.trec").read_text().splitlines()]
    assert [line[2] for line in lines] == [i for i, *_ in found("n", "--lexical_weight", "50")]


def test_spelling_variants_reach_the_search(named, workshop, capsys):
    def asked(question, *options):
        search.run(["n", question, *named[1:], *options])
        return capsys.readouterr().out

    def hits(question, *options):
        (answer,) = json.loads(asked(question, "--json", *options))
        return answer.get("spelling_variants"), [(hit["id"], hit["score"]) for hit in answer["hits"]]

    # short: the questions of the tiny student have sixteen tokens
    variants = [{"word": "Mombas", "variant": "Mombasa"}]
    assert hits("Mombas", "--spelling_variants") == (variants, hits("Mombas Mombasa")[1])
    assert hits("Mombas", "--spelling_variants")[1] != hits("Mombas")[1]
    assert hits("Mombas")[0] is None
    assert hits("zzzz", "--spelling-variants") == ([], hits("zzzz")[1])
    assert asked("Mombas", "--spelling_variants").splitlines()[1:3] == ["Mombas", "also asked for: Mombas as Mombasa"]
    assert "also asked for" not in asked("zzzz", "--spelling_variants")


def test_bm25_needs_the_texts_of_the_index(named, workshop):
    pytest.importorskip("qdrant_client", reason="qdrant-client is an optional extra")
    index.run(["named.jsonl", "--teacher", "teacher", "--output", "qdrant+path:q"])
    with pytest.raises(ValueError, match="those of this index are on its server: build an index in a folder"):
        search.run(["qdrant+path:q", *named, "--lexical_weight", "0.5"])
    with pytest.raises(ValueError, match="BM25 and spelling variants need the texts, and those of this index are on its server"):
        search.run(["qdrant+path:q", *named, "--spelling_variants"])
