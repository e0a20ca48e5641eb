"""CLIRMatrix, WikiCLIR and linked articles, from files that the tests write; what they judge is marked as synthetic."""

import gzip
import json

import datasets
import pytest

from hf_optical.data.clir import _drawn, load_clirmatrix, load_linked_articles, load_wikiclir
from hf_optical.data.errors import DataError

ENGLISH = {"7": "Maize Maize is a cereal.", "8": "Bus A bus is a vehicle.", "9": "Lion Lions eat meat."}
MATRIX = [
    {"src_id": "1", "src_query": "Mahindi", "tgt_results": [["8", 2], ["7", 6], ["9", 0]]},
    {"src_id": "2", "src_query": "Kitu", "tgt_results": [["8", 4], ["9", 0]]},
    {"src_id": "3", "src_query": "Simba", "tgt_results": [["9", 5], ["8", 0], ["7", 0]]},
]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def json_lines(path, records):
    text = "".join(json.dumps(record) + "\n" for record in records)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.fixture
def matrix(tmp_path):
    (tmp_path / "en.tsv").write_text("".join(f"{key}\t{text}\n" for key, text in ENGLISH.items()))
    return json_lines(tmp_path / "sw.en.train.jl.gz", MATRIX), tmp_path / "en.tsv"


def test_clirmatrix(matrix):
    found = load_clirmatrix(*matrix, query_language="sw")
    assert found.triples.to_list() == [
        {"query": "Mahindi", "positive": ENGLISH["7"], "negatives": [ENGLISH["9"]]},
        {"query": "Simba", "positive": ENGLISH["9"], "negatives": [ENGLISH["8"], ENGLISH["7"]]},
    ]
    report = found.report.to_dict()
    assert report["judgments"] == "synthetic"
    assert (report["query_language"], report["document_language"]) == ("sw", "en")
    assert report["left_out"] == {"queries without a document of the grade asked for": 1}
    assert (report["rows_read"], report["triples"]) == (3, 2)
    assert "synthetic (a rule made the judgments" in found.report.sentence()


def test_clirmatrix_grades_as_scores_and_limits(matrix):
    found = load_clirmatrix(*matrix, query_language="sw", scores=True, negatives=1, min_grade=4)
    assert found.triples["scores"] == [[6.0, 0.0], [4.0, 0.0], [5.0, 0.0]]
    assert [len(row) for row in found.triples["negatives"]] == [1, 1, 1]
    assert len(load_clirmatrix(*matrix, query_language="sw", limit=1).triples) == 1


def test_a_limit_of_nothing_is_refused(matrix, wiki):
    for limit in (0, -1):
        with pytest.raises(DataError, match=f"limit is {limit}; give 1 or more, or None for all queries"):
            load_clirmatrix(*matrix, query_language="sw", limit=limit)
        with pytest.raises(DataError, match="None for all judgments"):
            load_wikiclir(*wiki, query_language="sw", document_language="en", limit=limit)
        with pytest.raises(DataError, match="None for all rows"):
            load_linked_articles("nowhere.jsonl", query_language="sw", limit=limit)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"src_query": "Chai", "tgt_results": [["99", 6]]}, "a.jl:2: unknown id '99'"),
        ({"src_query": " ", "tgt_results": []}, "a.jl:2: column 'src_query': empty"),
        ({"src_query": "Chai"}, "a.jl:2: column 'tgt_results': no list of [document id, grade]"),
        ({"src_query": "Chai", "tgt_results": ["7"]}, "a.jl:2: column 'tgt_results': '7' is not [document id, grade]"),
        ({"src_query": "Chai", "tgt_results": [["7", 5.9]]}, "a.jl:2: column 'tgt_results': '5.9' is not a whole number"),
        ({"src_query": "Chai", "tgt_results": [["7", "high"]]}, "a.jl:2: column 'tgt_results': 'high' is not a whole number"),
        ({"query": "Chai"}, "a.jl:2: column 'src_query': missing"),
    ],
)
def test_bad_clirmatrix(tmp_path, matrix, record, message):
    path = json_lines(tmp_path / "a.jl", [MATRIX[0], record])
    with pytest.raises(DataError) as raised:
        load_clirmatrix(path, matrix[1], query_language="sw")
    assert message in str(raised.value)


SWAHILI = {"a": "Mahindi Mahindi ni nafaka.", "b": "Basi Basi ni gari.", "c": "Simba Simba hula nyama.", "d": "Maji Maji."}


@pytest.fixture
def wiki(tmp_path):
    (tmp_path / "wiki_en.queries").write_text(
        "1\tMaize\tIt is a cereal.\n2\tBus\tIt is a vehicle.\n3\tLion\tIt is a large cat.\n4\tUnused\tx\n"
    )
    documents = "".join("\t".join([key, *text.split(" ", 1)]) + "\n" for key, text in SWAHILI.items())
    (tmp_path / "wiki_sw.documents").write_text(documents)
    (tmp_path / "en2sw.rel").write_text("1\ta\t2\n1\tb\t1\n2\tb\t2\n3\td\t1\n")
    return tmp_path / "wiki_en.queries", tmp_path / "wiki_sw.documents", tmp_path / "en2sw.rel"


def test_wikiclir(wiki):
    languages = {"query_language": "en", "document_language": "sw"}
    found = load_wikiclir(*wiki, **languages)
    assert found.triples.to_list() == [
        {"query": "Maize", "positive": SWAHILI["a"], "negatives": []},
        {"query": "Bus", "positive": SWAHILI["b"], "negatives": []},
    ]
    assert found.report.judgments == "synthetic"
    assert (found.report.query_language, found.report.document_language) == ("en", "sw")
    assert found.report.left_out == {"queries without a document of the grade asked for": 1}
    by_sentence = load_wikiclir(*wiki, **languages, query_field="first_sentence", min_grade=1)
    assert by_sentence.triples["query"] == ["It is a cereal.", "It is a cereal.", "It is a vehicle.", "It is a large cat."]
    assert len(load_wikiclir(*wiki, **languages, limit=1).triples) == 1


def test_negatives_of_wikiclir_are_drawn_from_what_is_not_linked(wiki):
    arguments = {"query_language": "en", "document_language": "sw", "negatives": 5}
    found = load_wikiclir(*wiki, **arguments)
    maize, bus = found.triples["negatives"]
    assert maize == [SWAHILI["d"]]  # b is linked with a
    assert sorted(bus) == sorted([SWAHILI["a"], SWAHILI["d"]])
    assert load_wikiclir(*wiki, **arguments).triples.to_list() == found.triples.to_list()


def test_judgments_in_trec_form_and_as_a_data_set(wiki, tmp_path):
    languages = {"query_language": "en", "document_language": "sw"}
    expected = load_wikiclir(*wiki, **languages).triples.to_list()
    (tmp_path / "trec.rel").write_text("1\t0\ta\t2\n1\t0\tb\t1\n2\t0\tb\t2\n3\t0\td\t1\n")
    assert load_wikiclir(*wiki[:2], tmp_path / "trec.rel", **languages).triples.to_list() == expected
    tables = {
        "queries": [{"query_id": "1", "title": "Maize", "first_sentence": "x"}, {"query_id": "2", "title": "Bus"}],
        "docs": [{"doc_id": key, "title": text.split()[0], "text": text.split(" ", 1)[1]} for key, text in SWAHILI.items()],
        "qrels": [{"query_id": q, "doc_id": d, "relevance": r} for q, d, r in (("1", "a", 2), ("1", "b", 1), ("2", "b", 2))],
    }
    for name, rows in tables.items():
        datasets.Dataset.from_list(rows).to_parquet(tmp_path / f"{name}.parquet")
    sources = [tmp_path / f"{name}.parquet" for name in tables]
    assert load_wikiclir(*sources, **languages).triples.to_list() == expected


def test_bad_wikiclir(wiki, tmp_path):
    languages = {"query_language": "en", "document_language": "sw"}
    for text, message in (
        ("1\ta\t2\n9\ta\t2\n", r"bad\.rel:2: unknown id '9'"),
        ("1\ta\t2\n1\tz\t2\n", r"bad\.rel:2: unknown id 'z'"),
        ("1\ta\n", r"bad\.rel:1: 2 fields where query id, document id and grade are expected"),
        ("1\ta\tyes\n", r"bad\.rel:1: column 'grade': 'yes' is not a whole number"),
        ("1\ta\t1\n", r"bad\.rel: no triples in 1 rows \(queries without a document of the grade asked for: 1\)"),
    ):
        (tmp_path / "bad.rel").write_text(text)
        with pytest.raises(DataError, match=message):
            load_wikiclir(*wiki[:2], tmp_path / "bad.rel", **languages)
    with pytest.raises(DataError, match="query_field is 'body'"):
        load_wikiclir(*wiki, **languages, query_field="body")
    with pytest.raises(DataError, match="no language code 'swahili'"):
        load_wikiclir(*wiki, query_language="en", document_language="swahili")


LINKED = [
    {"title": "Mahindi", "document": "Maize."},
    {"title": "Basi", "document": "A bus."},
    {"title": "Simba", "document": "Lion."},
]


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "parquet", "tsv", "headed.tsv", "folder"])
def test_linked_articles(tmp_path, kind):
    path = tmp_path / f"wiki.{kind}"
    if kind.startswith("jsonl"):
        json_lines(path, LINKED)
    elif kind.endswith("tsv"):
        header = "title\tdocument\n" if kind == "headed.tsv" else ""
        path.write_text(header + "".join(f"{row['title']}\t{row['document']}\n" for row in LINKED))
    elif kind == "folder":
        path.mkdir()
        datasets.Dataset.from_list(LINKED).to_parquet(path / "train.parquet")
    else:
        datasets.Dataset.from_list(LINKED).to_parquet(path)
    found = load_linked_articles(path, query_language="sw")
    assert found.triples.to_list() == [{"query": r["title"], "positive": r["document"], "negatives": []} for r in LINKED]
    assert found.report.judgments == "synthetic"
    assert found.report.rows_read == 3


def test_linked_articles_with_other_columns_and_negatives(tmp_path):
    rows = [{"sentence": "Mahindi ni nafaka.", "en": "Maize."}, {"sentence": "Mahindi ni nafaka.", "en": "Corn."}]
    path = json_lines(tmp_path / "a.jsonl", [*rows, {"sentence": "Basi.", "en": "A bus."}])
    columns = {"query_column": "sentence", "document_column": "en"}
    found = load_linked_articles(path, query_language="sw", negatives=2, **columns)
    assert found.triples["negatives"][:2] == [["A bus."], ["A bus."]]  # both articles are linked to the one sentence
    assert sorted(found.triples["negatives"][2]) == ["Corn.", "Maize."]
    with pytest.raises(DataError, match=r"a\.jsonl:1: column 'title': missing; the fields are 'sentence', 'en'"):
        load_linked_articles(path, query_language="sw")
    json_lines(tmp_path / "b.jsonl", [*rows, {"sentence": "Basi.", "en": " "}])
    with pytest.raises(DataError, match=r"b\.jsonl:3: column 'en': empty"):
        load_linked_articles(tmp_path / "b.jsonl", query_language="sw", **columns)


def test_drawn_negatives_depend_on_the_seed_alone_and_never_repeat():
    pool = [f"d{i}" for i in range(1000)]
    first = _drawn(pool, ["d1", "d2"], 20, "42:q")
    assert first == _drawn(pool, ["d2", "d1"], 20, "42:q") != _drawn(pool, ["d1", "d2"], 20, "43:q")
    assert len(set(first)) == 20
    assert _drawn(pool[:3], ["d1"], 20, "42:q") in (["d0", "d2"], ["d2", "d0"])
    assert _drawn(pool, [], 0, "42:q") == []


def test_a_wikiclir_data_set_with_a_script_is_not_run(tmp_path):
    folder = tmp_path / "wikiclir_sw"
    folder.mkdir()
    (folder / "wikiclir_sw.py").write_text("raise SystemExit('this was run')\n")
    (folder / "data.json").write_text("{}\n")
    with pytest.raises(DataError, match="needs a loading script, which is not run; pass revision="):
        load_linked_articles(folder, query_language="sw")
