import json

import datasets
import pytest

from hf_optical.data.errors import DataError
from hf_optical.data.retrieval import load_retrieval

CORPUS = [{"_id": "d1", "title": "Maize", "text": "A cereal."}, {"_id": "d2", "title": "", "text": "A root."}]
QUERIES = [{"_id": "q1", "text": "Mahindi?"}, {"_id": "q2", "text": "Muhogo?"}]
QRELS = [{"query-id": "q1", "corpus-id": "d1", "score": 1}]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def publish(folder, tables):
    """Write a data set folder as it lies on the Hub: {(configuration, split): rows}."""
    configs = []
    for (config, split), rows in tables.items():
        (folder / config).mkdir(parents=True, exist_ok=True)
        datasets.Dataset.from_list(rows).to_parquet(folder / config / f"{split}.parquet")
        configs.append({"config_name": config, "data_files": [{"split": split, "path": f"{config}/{split}.parquet"}]})
    (folder / "README.md").write_text(f"---\nconfigs: {json.dumps(configs)}\n---\n")
    return folder


@pytest.mark.parametrize("qrels", ["qrels", "default"])
def test_one_repository(tmp_path, qrels):
    tables = {("corpus", "corpus"): CORPUS, ("queries", "queries"): QUERIES, (qrels, "test"): QRELS}
    collection = load_retrieval(publish(tmp_path / "maize", tables))
    assert (collection.name, collection.split) == ("maize", "test")
    assert collection.corpus == {"d1": "Maize A cereal.", "d2": "A root."}
    assert collection.queries == {"q1": "Mahindi?"}
    assert collection.qrels == {"q1": {"d1": 1}}
    assert collection.queries_unjudged == 1


def test_judgements_in_a_repository_of_their_own(tmp_path):
    folder = publish(tmp_path / "maize", {("corpus", "corpus"): CORPUS, ("queries", "queries"): QUERIES})
    publish(tmp_path / "maize-qrels", {("default", "test"): [{**QRELS[0], "score": 1.0}]})
    assert load_retrieval(folder).qrels == {"q1": {"d1": 1}}


def test_languages_as_prefixes(tmp_path):
    tables = {("sw-corpus", "test"): CORPUS, ("sw-queries", "test"): QUERIES, ("sw-qrels", "test"): QRELS}
    folder = publish(tmp_path / "many", tables)
    assert load_retrieval(folder, config="sw").name == "many-sw"
    with pytest.raises(DataError, match="no configuration 'corpus'; pass config= with one of sw"):
        load_retrieval(folder)


def test_wrong_split_and_unknown_document(tmp_path):
    tables = {("corpus", "corpus"): CORPUS, ("queries", "queries"): QUERIES, ("qrels", "test"): QRELS}
    with pytest.raises(DataError, match="no split 'dev'; the splits are test"):
        load_retrieval(publish(tmp_path / "maize", tables), split="dev")
    tables["qrels", "test"] = [*QRELS, {"query-id": "q1", "corpus-id": "d9", "score": 1}]
    with pytest.raises(DataError, match=r"\(qrels\):2: unknown document 'd9'"):
        load_retrieval(publish(tmp_path / "broken", tables))
    tables["qrels", "test"] = [{"query-id": "q1", "corpus-id": "d1", "score": 0.5}]
    with pytest.raises(DataError, match=r"\(qrels\):1: column 'score': score '0.5' is not a whole number"):
        load_retrieval(publish(tmp_path / "half", tables))
