"""Bitext on the Hub: configurations, counts, licences, examples."""

import json

import pytest
from huggingface_hub import DatasetCard

from hf_optical.data import DataError
from hf_optical.hub import HubError, push_bitext


def files_of(hub):
    return {path: file.content for path, file in hub.repos["dataset", "acme/bitext"].at("main").files.items()}


def test_a_folder_becomes_configurations_with_splits(hub, prepared, licences):
    outcome = push_bitext(prepared, "acme/bitext", licences=licences)
    assert sorted(outcome.files) == [
        "README.md",
        "en-ha/report.json",
        "en-ha/train-00000-of-00001.parquet",
        "en-sw/report.json",
        "en-sw/test-00000-of-00001.parquet",
        "en-sw/train-00000-of-00001.parquet",
    ]
    data = DatasetCard(outcome.card).data
    assert [c["config_name"] for c in data.configs] == ["en-ha", "en-sw"]
    assert [s["name"] for s in data.dataset_info[1]["splits"]] == ["train", "test"]
    assert data.dataset_info[1]["splits"][0]["num_examples"] == 12
    assert data.license == "cc-by-4.0"
    report = json.loads(files_of(hub)["en-sw/report.json"])
    assert report["splits"]["train"]["pairs"] == 12
    steps = [(s["name"], s["rows"], s["left"]) for s in report["splits"]["train"]["steps"]]
    assert steps[0] == ("read", 14, 14)
    assert steps[-1][2] == 12


def test_the_card_counts_names_and_shows(hub, prepared, licences):
    card = push_bitext(prepared, "acme/bitext", licences=licences).card
    assert "| `en-sw` | Swahili | train | 12 |" in card
    assert "| read | 14 | 14 |" in card
    assert "Sentence pairs of English with Hausa and Swahili," in card
    assert "&id" not in card  # metadata without YAML references, which not every reader follows
    # stories of one kind, of both splits, are one row
    assert "| `asp-*` | 10 | [African Storybook](https://www.africanstorybook.org) | African Storybook; authors," in card
    assert "| the water is clean 0 | maji ni safi 0 | tico19 |" in card
    assert "Not for commercial use" not in card


def test_the_bytes_are_the_same_every_time_and_stay_when_another_language_comes(hub, prepared, licences, tmp_path):
    first = push_bitext(prepared / "sw.tsv.gz", "acme/bitext", licences=licences)
    assert push_bitext(prepared / "sw.tsv.gz", "acme/bitext", licences=licences).commit == first.commit
    swahili = files_of(hub)["en-sw/train-00000-of-00001.parquet"]
    card = push_bitext(prepared / "ha.tsv.gz", "acme/bitext", licences=licences).card
    assert files_of(hub)["en-sw/train-00000-of-00001.parquet"] == swahili
    assert "| `en-sw` | Swahili | train | 12 |" in card
    assert "| `en-ha` | Hausa | train | 6 |" in card


def test_every_source_needs_a_licence(hub, prepared):
    with pytest.raises(HubError, match=r"^no licence is known for asp-0001, asp-0002; .*--licence asp-0001=LICENCE"):
        push_bitext(prepared, "acme/bitext", licences={"tico19": "cc0-1.0"})
    assert not hub.repos


def test_licences_that_forbid_it_are_not_mixed_unless_told(hub, prepared, licences):
    closed = licences | {"asp-*": "cc-by-nc-4.0", "tico19": "cc-by-sa-4.0"}
    with pytest.raises(HubError, match=r"^cc-by-nc-4\.0 \(asp-\*\) and cc-by-sa-4\.0 \(tico19\) must not be mixed"):
        push_bitext(prepared, "acme/bitext", licences=closed)
    assert not hub.repos
    card = push_bitext(prepared, "acme/bitext", licences=closed, allow_mixed_licences=True).card
    data = DatasetCard(card).data
    assert (data.license, data.license_name) == ("other", "cc-by-nc-4.0-and-cc-by-sa-4.0")
    assert "**Not for commercial use as a whole:** `asp-*` is cc-by-nc-4.0." in card
    assert "every row keeps the licence of its source" in card


def test_a_language_that_is_there_counts_in_the_mix(hub, prepared, licences):
    push_bitext(prepared / "sw.tsv.gz", "acme/bitext", licences=licences | {"tico19": "cc-by-sa-4.0"})
    with pytest.raises(HubError, match="must not be mixed"):
        push_bitext(prepared / "ha.tsv.gz", "acme/bitext", licences=licences | {"asp-*": "cc-by-nc-4.0"})
    assert not [path for path in files_of(hub) if path.startswith("en-ha")]


def test_files_without_report_are_counted_as_they_are_read(hub, prepared, licences, tmp_path):
    raw = tmp_path / "yo.tsv"
    raw.write_text("english\tnon_english\tsource\nthe water\tomi\ttico19\n\tnothing\ttico19\n", encoding="utf-8")
    card = push_bitext(raw, "acme/bitext", licences=licences).card
    assert "| `en-yo` | Yoruba | train | 1 |" in card
    assert "| read | 2 | 2 |" in card


def test_what_cannot_be_pushed_is_told_in_one_line(hub, prepared, licences, tmp_path):
    report = prepared / "sw.report.json"
    report.write_text(report.read_text().replace('"rows_kept": 12', '"rows_kept": 13'))
    for path, error, message in (
        (prepared, HubError, "has 12 pairs, but its report says 13"),
        (tmp_path / "missing", HubError, "there is no such file or folder"),
        (tmp_path / "elsewhere.txt", HubError, "there is no such file or folder"),
        (prepared / "ha.report.json", HubError, "no .tsv or .tsv.gz file"),
    ):
        with pytest.raises(error, match=message):
            push_bitext(path, "acme/bitext", licences=licences)
    (tmp_path / "qq.tsv").write_text("english\tnon_english\na\tb\n")
    with pytest.raises(DataError, match="qq"):
        push_bitext(tmp_path / "qq.tsv", "acme/bitext", licences=licences)
    (tmp_path / "sw.half.tsv").write_text("english\tnon_english\na\tb\n")
    with pytest.raises(HubError, match="'half' is no split"):
        push_bitext(tmp_path / "sw.half.tsv", "acme/bitext", licences=licences)
    assert not hub.repos


def test_real_pairs(hub, suite, tmp_path):
    """Swahili of the suite, with the licences of its README."""
    licences = {
        **{"tico19": "cc0-1.0", "ntrex": "cc-by-sa-4.0", "flores-dev": "cc-by-sa-4.0", "asp-*": "cc-by-4.0"},
        **{"tatoeba": "cc-by-2.0", "afriqa-*": "cc-by-4.0", "mafand-*": "cc-by-nc-4.0"},
    }
    import gzip
    import itertools

    with gzip.open(suite / "bitext" / "sw.tsv.gz", "rt", encoding="utf-8") as file:
        (tmp_path / "sw.tsv").write_text("".join(itertools.islice(file, 2000)), encoding="utf-8")
    with pytest.raises(HubError, match=r"cc-by-nc-4\.0 .*must not be mixed"):
        push_bitext(tmp_path / "sw.tsv", "acme/bitext", licences=licences)
    card = push_bitext(tmp_path / "sw.tsv", "acme/bitext", licences=licences, allow_mixed_licences=True).card
    DatasetCard(card).validate()
    assert "`mafand-*` is cc-by-nc-4.0" in card
    assert "Not for commercial use as a whole" in card


def test_a_split_that_goes_is_told(hub, prepared, licences, caplog):
    push_bitext(prepared, "acme/bitext", licences=licences)
    assert not caplog.records
    outcome = push_bitext(prepared / "sw.tsv.gz", "acme/bitext", licences=licences)
    assert outcome.removed == ["en-sw/test-00000-of-00001.parquet"]
    assert caplog.messages == ["splits of an earlier push that were not among the files of this one are gone: en-sw/test"]
