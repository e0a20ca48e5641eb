import json

import datasets
import pytest

from hf_optical.data.bitext import load_bitext
from hf_optical.data.bitext_readers import read_bitext
from hf_optical.data.errors import DataError
from hf_optical.data.hub import is_hub_name

ROWS = [{"english": "Hello", "non_english": "Habari"}, {"english": "Yes", "non_english": "Ndiyo"}]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def pairs(source, **options):
    return [(row.line, row.english, row.non_english) for row in read_bitext(source, language="sw", **options)]


@pytest.fixture
def folder(tmp_path):
    """A data set as it lies on the Hub: Parquet, two configurations, two splits."""
    folder = tmp_path / "pairs"
    for config in ("news", "talks"):
        (folder / config).mkdir(parents=True)
        datasets.Dataset.from_list(ROWS).to_parquet(folder / config / "train-00000.parquet")
        datasets.Dataset.from_list(ROWS[:1]).to_parquet(folder / config / "test-00000.parquet")
    configs = [
        {"config_name": c, "data_files": [{"split": s, "path": f"{c}/{s}-*"} for s in ("train", "test")]} for c in ("news", "talks")
    ]
    (folder / "README.md").write_text(f"---\nconfigs: {json.dumps(configs)}\n---\n")
    return folder


@pytest.mark.parametrize("streaming", [False, True])
def test_configurations_and_splits(folder, streaming):
    options = {"config": "news", "streaming": streaming}
    assert pairs(folder, **options) == [(1, "Hello", "Habari"), (2, "Yes", "Ndiyo")]
    assert pairs(folder, split="test", **options) == [(1, "Hello", "Habari")]
    bitext = load_bitext(folder, language="sw", **options)
    assert bitext.report.kept_by_source == {"pairs": 2}


def test_wrong_configuration_split_and_column(folder):
    with pytest.raises(DataError, match=r"news.*talks"):
        pairs(folder)
    with pytest.raises(DataError, match="no split 'trian'; did you mean 'train'"):
        pairs(folder, config="news", split="trian")
    with pytest.raises(DataError, match="column 'swahili': missing; the columns are 'english', 'non_english'"):
        pairs(folder, config="news", non_english_column="swahili")


def test_translation_feature_and_a_null(tmp_path):
    folder = tmp_path / "opus"
    folder.mkdir()
    rows = [
        {"id": "0", "translation": {"en": "Hello", "sw": "Habari"}},
        {"id": "1", "translation": {"en": "A", "sw": None}},
    ]
    features = datasets.Features({"id": datasets.Value("string"), "translation": datasets.Translation(["en", "sw"])})
    datasets.Dataset.from_list(rows, features=features).to_parquet(folder / "train.parquet")
    assert pairs(folder) == [(1, "Hello", "Habari"), (2, "A", "")]


def test_folder_saved_by_datasets(tmp_path):
    data = datasets.Dataset.from_list(ROWS)
    data.save_to_disk(tmp_path / "one")
    assert pairs(tmp_path / "one") == [(1, "Hello", "Habari"), (2, "Yes", "Ndiyo")]
    datasets.DatasetDict({"train": data}).save_to_disk(tmp_path / "many")
    assert len(pairs(tmp_path / "many")) == 2
    with pytest.raises(DataError, match="no split 'test'; the splits are train"):
        pairs(tmp_path / "many", split="test")


def test_tables_of_a_plain_folder_are_read_without_quoting_or_nulls(tmp_path):
    (tmp_path / "train.tsv").write_text('english\tnon_english\n"Well\tNA\nnull\tbatili\n')
    assert pairs(tmp_path) == [(2, '"Well', "NA"), (3, "null", "batili")]
    with pytest.raises(DataError, match="no split 'dev'; the splits are train"):
        pairs(tmp_path, split="dev")


def test_folder_without_data(tmp_path):
    with pytest.raises(DataError, match="a folder without data files"):
        pairs(tmp_path)


def test_hub_that_cannot_be_reached_is_one_line():
    with pytest.raises(DataError) as raised:
        pairs("nobody/nothing")
    message = str(raised.value)
    assert message.startswith("nobody/nothing: no file here, and no data set that can be reached (")
    assert "\n" not in message


def test_options_go_to_the_hub_as_they_are(monkeypatch):
    asked = {}

    def load(name, config, **options):
        asked.update(options, name=name, config=config)
        return datasets.Dataset.from_list([{"en": "Hello", "sw": "Habari", "source": "x"}])

    monkeypatch.setattr(datasets, "get_dataset_split_names", lambda *args, **options: ["dev"])
    monkeypatch.setattr(datasets, "load_dataset", load)
    bitext = load_bitext(
        "owner/pairs",
        language="sw",
        english_column="en",
        non_english_column="sw",
        split="dev",
        config="en-sw",
        revision="v2",
    )
    assert asked == {"name": "owner/pairs", "config": "en-sw", "split": "dev", "revision": "v2", "streaming": False}
    assert bitext.dataset[0] == {"english": "Hello", "non_english": "Habari", "source": "x"}


@pytest.mark.parametrize(
    ("name", "possible"),
    [("opus100", True), ("owner/name-1.0", True), ("a/b/c", False), ("../a", False), ("a/", False), ("a b/c", False)],
)
def test_names_a_data_set_can_have(name, possible):
    assert is_hub_name(name) is possible


def test_a_connection_lost_on_the_way_says_how_far_it_came(monkeypatch):
    import httpx

    def rows():
        yield from ({"english": f"Hello {n}", "non_english": f"Habari {n}"} for n in range(1000))
        raise httpx.ReadTimeout("timed out")

    data = datasets.IterableDataset.from_generator(rows)
    monkeypatch.setattr(datasets, "get_dataset_split_names", lambda *args, **options: ["train"])
    monkeypatch.setattr(datasets, "load_dataset", lambda *args, **options: data)
    with pytest.raises(DataError) as raised:
        load_bitext("owner/pairs", language="sw", streaming=True)
    message = "owner/pairs: cannot be read after row 1,000: ReadTimeout: timed out; try again"
    assert str(raised.value) == message
