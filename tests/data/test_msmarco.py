"""MS MARCO and mMARCO in every form they come in, from files that the tests write."""

import gzip
import json
import re

import datasets
import pytest

from hf_optical.data.errors import DataError
from hf_optical.data.id_texts import texts_by_id
from hf_optical.data.judgments import JUDGMENTS, JudgedTriples, TriplesReport
from hf_optical.data.msmarco import load_msmarco

PASSAGES = {"10": "Maize is a cereal.", "11": "A bus is a vehicle.", "12": "Lions eat meat."}
QUERIES = {"1": "what is maize", "2": "what is a bus"}
ID_TRIPLES = "1\t10\t11\n2\t11\t12\n1\t10\t12\n"
EXPECTED = [
    {"query": "what is maize", "positive": PASSAGES["10"], "negatives": [PASSAGES["11"]]},
    {"query": "what is a bus", "positive": PASSAGES["11"], "negatives": [PASSAGES["12"]]},
    {"query": "what is maize", "positive": PASSAGES["10"], "negatives": [PASSAGES["12"]]},
]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def lines(texts):
    return "".join(f"{key}\t{text}\n" for key, text in texts.items())


@pytest.fixture
def marco(tmp_path):
    """The official files, and German ones as both layouts name them."""
    (tmp_path / "qidpidtriples.train.full.2.tsv").write_text(ID_TRIPLES)
    (tmp_path / "queries.train.tsv").write_text(lines(QUERIES | {"3": "never asked for"}))
    (tmp_path / "collection.tsv.gz").write_bytes(gzip.compress(lines(PASSAGES).encode()))
    (tmp_path / "google" / "queries" / "train").mkdir(parents=True)
    german = tmp_path / "google" / "queries" / "train" / "german_queries.train.tsv"
    german.write_text("1\twas ist Mais\n2\twas ist ein Bus\n")
    (tmp_path / "collection.sw.tsv").write_text("10\tMahindi ni nafaka.\n11\tBasi ni gari.\n12\tSimba hula nyama.\n")
    return tmp_path


def test_ids_with_their_files(marco):
    found = load_msmarco(
        marco / "qidpidtriples.train.full.2.tsv", queries=marco / "queries.train.tsv", collection=marco / "collection.tsv.gz"
    )
    assert found.triples.to_list() == EXPECTED
    assert found.triples.features.keys() == {"query", "positive", "negatives"}
    report = found.report.to_dict()
    assert report["judgments"] == "shallow"
    assert (report["rows_read"], report["triples"], report["left_out"]) == (3, 3, {})
    assert report["machine_translated"] is False


def test_a_folder_finds_the_files_of_the_languages(marco):
    assert load_msmarco(marco).triples.to_list() == EXPECTED
    mixed = load_msmarco(marco, query_language="de")
    assert mixed.triples["query"] == ["was ist Mais", "was ist ein Bus", "was ist Mais"]
    assert mixed.triples["positive"] == [row["positive"] for row in EXPECTED]
    assert mixed.report.machine_translated is True
    assert load_msmarco(marco, document_language="sw").triples["positive"][0] == "Mahindi ni nafaka."
    with pytest.raises(DataError, match=r"no queries in 'sw' \(queries\.sw\.tsv or swahili_queries\.train\.tsv\); pass queries="):
        load_msmarco(marco, query_language="sw")
    (marco / "queries.de.tsv").write_text("1\tx\n")
    with pytest.raises(DataError, match=r"2 files of queries: 'google/.*/german_queries\.train\.tsv', 'queries\.de\.tsv'"):
        load_msmarco(marco, query_language="de")
    (marco / "triples.train.small.tsv").write_text("a\tb\tc\n")
    with pytest.raises(DataError, match=r"2 files of triples: .*; give the path of one of them"):
        load_msmarco(marco)


def test_a_limit_needs_the_texts_of_its_triples_only(marco):
    (marco / "collection.tsv").write_text(lines({key: PASSAGES[key] for key in ("10", "11")}))
    found = load_msmarco(
        marco / "qidpidtriples.train.full.2.tsv", queries=marco / "queries.train.tsv", collection=marco / "collection.tsv", limit=1
    )
    assert found.triples.to_list() == EXPECTED[:1]
    assert found.report.rows_read == 1


@pytest.mark.parametrize("name", ["triples.train.small.tsv", "triples.train.small.tsv.gz"])
def test_texts(tmp_path, name):
    text = "".join(f"{row['query']}\t{row['positive']}\t{row['negatives'][0]}\n" for row in EXPECTED)
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    assert load_msmarco(tmp_path / name).triples.to_list() == EXPECTED
    assert load_msmarco(tmp_path).triples.to_list() == EXPECTED
    assert load_msmarco(tmp_path / name, limit=2).triples.to_list() == EXPECTED[:2]


def table(path, rows):
    datasets.Dataset.from_list(rows).to_parquet(path)
    return path


def test_parquet_columns_of_sentence_transformers(tmp_path):
    (tmp_path / "data").mkdir()
    rows = [{"query": row["query"], "positive": row["positive"], "negative": row["negatives"][0]} for row in EXPECTED]
    file = table(tmp_path / "data" / "train.parquet", rows)
    assert load_msmarco(tmp_path / "data").triples.to_list() == EXPECTED
    assert load_msmarco(file, limit=2).triples.to_list() == EXPECTED[:2]
    rows = [{"query": "q", "positive": "p", "negative_1": "a", "negative_2": "b", "negative_10": "c"}]
    many = load_msmarco(table(tmp_path / "fifty.parquet", rows))
    assert many.triples.to_list() == [{"query": "q", "positive": "p", "negatives": ["a", "b", "c"]}]


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("query", "positive", "negative"), int),  # text in these columns would be texts
        (("query_id", "positive_id", "negative_id"), int),
        (("query_id", "positive_id", "negative_id"), str),
    ],
)
def test_parquet_ids_with_texts_of_another_data_set(tmp_path, names, kind):
    rows = [dict(zip(names, map(kind, line.split("\t")), strict=True)) for line in ID_TRIPLES.splitlines()]
    triples = table(tmp_path / "triplet-ids.parquet", rows)
    queries = table(tmp_path / "query.parquet", [{"qid": int(key), "text": text} for key, text in QUERIES.items()])
    passages = table(tmp_path / "passage.parquet", [{"passage_id": key, "passage": text} for key, text in PASSAGES.items()])
    assert load_msmarco(triples, queries=queries, collection=passages).triples.to_list() == EXPECTED
    with pytest.raises(DataError, match=r"triplet-ids\.parquet: triples of ids need the queries; pass queries="):
        load_msmarco(triples)


def test_texts_by_configuration_of_a_data_set(tmp_path):
    folder = tmp_path / "corpus"
    configs = []
    for name, key, texts in (("query", "qid", QUERIES), ("passage", "pid", PASSAGES)):
        (folder / name).mkdir(parents=True)
        table(folder / name / "train.parquet", [{key: int(each), "text": text} for each, text in texts.items()])
        configs.append({"config_name": name, "data_files": [{"split": "train", "path": f"{name}/train.parquet"}]})
    (folder / "README.md").write_text(f"---\nconfigs: {json.dumps(configs)}\n---\n")
    assert texts_by_id((str(folder), "query")) == QUERIES
    assert texts_by_id((str(folder), "passage"), {"11": ("x", 1)}) == {"11": PASSAGES["11"]}


def test_a_positive_that_is_its_own_negative_is_left_out_and_counted(marco):
    (marco / "qidpidtriples.train.full.2.tsv").write_text(ID_TRIPLES + "2\t11\t11\n")
    found = load_msmarco(marco)
    assert found.triples.to_list() == EXPECTED
    assert found.report.left_out == {"the positive is also the negative": 1}
    assert found.report.rows_read == 4
    (marco / "qidpidtriples.train.full.2.tsv").write_text("2\t11\t11\n")
    with pytest.raises(DataError, match=r"no triples in 1 rows \(the positive is also the negative: 1\)"):
        load_msmarco(marco)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("qidpidtriples.train.full.2.tsv", ID_TRIPLES + "9\t10\t11\n", "2.tsv:4: unknown id '9'; check that"),
        ("qidpidtriples.train.full.2.tsv", ID_TRIPLES + "1\t10\t99\n", "2.tsv:4: unknown id '99'; check that"),
        ("qidpidtriples.train.full.2.tsv", ID_TRIPLES + "1\t10\n", "2.tsv:4: 2 fields where query, positive and negative are"),
        ("queries.train.tsv", "1\ta\n2\tb\n1\tc\n", "queries.train.tsv:3: id '1' is there twice"),
        ("queries.train.tsv", "1\ta\n2\t \n", "queries.train.tsv:2: the text of id '2' is empty"),
        ("queries.train.tsv", "1 a\n", "queries.train.tsv:1: 1 fields where an id and a text are expected; part them by tabs"),
    ],
)
def test_bad_files_are_told_with_line_and_id(marco, name, text, message):
    (marco / name).write_text(text)
    with pytest.raises(DataError) as raised:
        load_msmarco(marco)
    assert message in str(raised.value)


def test_wrong_requests(tmp_path, marco):
    (tmp_path / "blank.tsv").write_text("\n\n")
    with pytest.raises(DataError, match=r"blank.tsv: no triples"):
        load_msmarco(tmp_path / "blank.tsv")
    with pytest.raises(DataError, match=r"triples of ids need the queries; pass queries= with a TSV file"):
        load_msmarco(marco / "qidpidtriples.train.full.2.tsv")
    with pytest.raises(DataError, match="limit is 0"):
        load_msmarco(marco, limit=0)
    with pytest.raises(DataError, match="no language code 'german'; write 'de'"):
        load_msmarco(marco, query_language="german")
    with pytest.raises(DataError, match=r"column 'negative': missing; the columns are 'query', 'positive'"):
        load_msmarco(table(tmp_path / "pairs.parquet", [{"query": "a", "positive": "b"}]))
    (tmp_path / "t.tsv").write_text("a\tb\t \n")
    with pytest.raises(DataError, match=r"t\.tsv:1: column 'negative': empty"):
        load_msmarco(tmp_path / "t.tsv")
    with pytest.raises(DataError, match=r"missing\.tsv: no such file"):
        load_msmarco(tmp_path / "missing.tsv")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match=r"broken\.parquet: not a Parquet file"):
        load_msmarco(tmp_path / "broken.parquet")
    with pytest.raises(DataError, match=r"no column 'id' or .*; the columns are 'key', 'text'"):
        texts_by_id(table(tmp_path / "texts.parquet", [{"key": "1", "text": "a"}]))


def test_a_loading_script_is_not_run_and_the_error_says_what_to_do(tmp_path):
    folder = tmp_path / "mmarco"
    folder.mkdir()
    (folder / "mmarco.py").write_text("raise SystemExit('this was run')\n")
    (folder / "data.json").write_text("{}\n")
    with pytest.raises(DataError, match="the data set needs a loading script, which is not run") as raised:
        load_msmarco(folder)
    assert re.search(r"revision='refs/convert/parquet'.* `hf download .*mmarco --repo-type dataset", str(raised.value))
    assert "\n" not in str(raised.value)


def test_many_rows_in_several_chunks(monkeypatch):
    monkeypatch.setattr("hf_optical.data.judgments._ROWS_PER_CHUNK", 7)
    rows = [{"query": f"q{i}", "positive": f"p{i}", "negatives": [f"n{i}"] * (i % 3)} for i in range(20)]
    found = JudgedTriples.collect(iter(rows), TriplesReport("here", "human"))
    assert found.triples.to_list() == rows
    assert found.report.triples == 20


def test_the_report_is_saved_and_says_what_the_judgments_are_worth(tmp_path):
    report = TriplesReport("x.tsv", "shallow", "de", "en", machine_translated=True, rows_read=3, triples=2)
    report.left_out["empty"] += 1
    report.save(tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text()) == report.to_dict()
    assert report.to_dict()["left_out"] == {"empty": 1}
    assert JUDGMENTS["shallow"] in report.sentence()
    assert "machine-translated" in report.sentence()
    with pytest.raises(ValueError, match="judgments are human, shallow, synthetic, not 'good'"):
        TriplesReport("x", "good")
