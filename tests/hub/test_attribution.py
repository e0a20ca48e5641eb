"""The makers of sources: read, known, printed, and missed where a licence asks for them."""

import json
import logging

import pytest
from huggingface_hub import DatasetCard

from hf_optical.hub import Attribution, HubError, push_bitext, read_licences
from hf_optical.hub.attribution import KNOWN, attribution_of, known_source
from hf_optical.hub.credits import credit
from hf_optical.hub.licence_terms import Licence

TSV = """source\tlicence\ttitle\tattribution\turl
tico19\tCC0
asp-*\tCC BY 4.0\t\tThe storytellers
asp-0001\t\tA tall man\tText: Cornelius Gulere\thttps://example.org/asp/1
radio-*\tCC-BY-SA-4.0\tVillage radio\tAnna\thttps://example.org/radio
"""
YAML = """
tico19: CC0
asp-*: {licence: CC BY 4.0, attribution: The storytellers}
asp-0001: {title: A tall man, attribution: "Text: Cornelius Gulere", url: "https://example.org/asp/1"}
radio-*: {licence: CC-BY-SA-4.0, title: Village radio, attribution: Anna, url: "https://example.org/radio"}
"""


def report(licences, *sources):
    return {"licences": licences, "splits": {"train": {"sources": dict.fromkeys(sources, 1)}}}


@pytest.mark.parametrize(("name", "content"), [("l.tsv", TSV), ("l.yaml", YAML)])
def test_a_file_says_licences_and_makers(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    table = read_licences(file=tmp_path / name)
    assert table == {"tico19": "cc0-1.0", "asp-*": "cc-by-4.0", "radio-*": "cc-by-sa-4.0"}
    assert table.attributions["asp-0001"] == Attribution("A tall man", "Text: Cornelius Gulere", "https://example.org/asp/1")
    assert "tico19" not in table.attributions
    # completed by the pattern, and by what is known publicly
    assert attribution_of("asp-*", table.attributions) == Attribution(
        "African Storybook", "The storytellers", "https://www.africanstorybook.org"
    )
    assert attribution_of("radio-7", table.attributions).title == "Village radio"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a\tCC0\t\t\tjavascript:alert(1)", r"l\.tsv:2: 'javascript:alert\(1\)' is no address"),
        ("a\tCC0\t\t\thttps://x y", "is no address"),
        ("a\tCC0\na\tCC0", r"l\.tsv:3: 'a' is there twice"),
        ("a\t", "the licence of 'a' is empty"),
    ],
)
def test_rows_that_say_nothing_sure(tmp_path, row, message):
    (tmp_path / "l.tsv").write_text(f"source\tlicence\ttitle\tattribution\turl\n{row}\n")
    with pytest.raises(HubError, match=message):
        read_licences(file=tmp_path / "l.tsv")


@pytest.mark.parametrize(
    ("content", "message"), [("a: [", r"l\.yaml:1: not valid YAML"), ("a: {license: x}", "unknown key 'license'")]
)
def test_yaml_that_says_nothing(tmp_path, content, message):
    (tmp_path / "l.yaml").write_text(content)
    with pytest.raises(HubError, match=message):
        read_licences(file=tmp_path / "l.yaml")


def test_the_public_sources_are_complete_and_each_is_one():
    for known in KNOWN:
        assert not known.attribution.missing
        Attribution.parse(vars(known.attribution), "KNOWN")
        assert not known.licence or Licence.parse(known.licence).id == known.licence
        for pattern in known.patterns:
            assert known_source(pattern) is known
    assert known_source("ntrex").licence == "cc-by-sa-4.0"
    assert known_source("my-own-pairs") is None


@pytest.mark.parametrize(
    ("licence", "asked"),
    [("cc0-1.0", False), ("pddl", False), ("cc-by-2.0", True), ("mit", True), ("gpl-2.0", True), ("own", True)],
)
def test_which_licences_ask_for_it(licence, asked):
    found = credit(report({"mine": licence}, "mine"), {})
    assert found["attribution_missing"] == ({"mine": ["title", "attribution", "url"]} if asked else {})


def test_single_works_can_stand_for_their_pattern():
    table = {f"story-{i}": Attribution(f"Story {i}", "Ann", f"https://example.org/{i}") for i in (1, 2)}
    whole = credit(report({"story-*": "cc-by-4.0"}, "story-1", "story-2"), table)
    assert whole["attribution_missing"] == {}
    assert list(whole["works"]) == ["story-1", "story-2"]
    partly = credit(report({"story-*": "cc-by-4.0"}, "story-1", "story-3"), table)
    assert list(partly["attribution_missing"]) == ["story-*"]


def test_the_card_names_makers_addresses_and_texts_of_licences(hub, prepared, tmp_path):
    (tmp_path / "l.tsv").write_text(TSV, encoding="utf-8")
    card = push_bitext(prepared, "acme/bitext", licences=read_licences(file=tmp_path / "l.tsv")).card
    row = next(line for line in card.splitlines() if line.startswith("| `asp-*` |"))
    assert row == (
        "| `asp-*` | 4 | [African Storybook](https://www.africanstorybook.org) | The storytellers "
        "| [cc-by-4.0](https://creativecommons.org/licenses/by/4.0/) |"
    )
    assert "[TICO-19](https://tico-19.github.io)" in card
    assert "Single works with authors of their own: 1, named under `works`" in card
    assert "Attribution is not complete" not in card
    sent = json.loads(hub.repos["dataset", "acme/bitext"].at("main").files["en-sw/report.json"].content)
    assert sent["works"]["asp-0001"]["title"] == "A tall man"
    DatasetCard(card).validate()


def test_what_is_missing_is_told_and_stands_in_the_card(hub, prepared, tmp_path, caplog):
    raw = tmp_path / "yo.tsv"
    raw.write_text("english\tnon_english\tsource\nthe water\tomi\tradio\nthe maize\tagbado\tmafand-train\n", encoding="utf-8")
    licences = {"radio": "cc-by-4.0", "mafand-*": "cc-by-4.0"}
    with caplog.at_level(logging.WARNING, "hf_optical"):
        card = push_bitext(raw, "acme/bitext", licences=licences).card
    assert "> **Attribution is not complete:** `radio` (cc-by-4.0) lacks its name, its authors or publisher, its address." in card
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith(
        "1 source(s) without the attribution that their licence asks for, which the card names: radio (cc-by-4.0)"
    )
    assert second == "mafand-* is pushed as cc-by-4.0, but MAFAND-MT is published under cc-by-nc-4.0: check it"
    given = {"radio": Attribution("Radio", "Anna | Boris <script>", "https://example.org/a_(b)")}
    card = push_bitext(raw, "acme/bitext", licences=licences, attributions=given).card
    assert "| [Radio](https://example.org/a_%28b%29) | Anna \\| Boris &lt;script> |" in card
    assert "not complete" not in card


def test_a_language_from_before_attributions_gets_what_is_known(hub, prepared, licences):
    from huggingface_hub import CommitOperationAdd, HfApi

    push_bitext(prepared / "sw.tsv.gz", "acme/bitext", licences=licences)
    old = json.loads(hub.repos["dataset", "acme/bitext"].at("main").files["en-sw/report.json"].content)
    for key in ("attributions", "works", "attribution_missing"):
        del old[key]
    operation = CommitOperationAdd("en-sw/report.json", json.dumps(old).encode())
    HfApi().create_commit("acme/bitext", [operation], commit_message="old", repo_type="dataset")
    card = push_bitext(prepared / "ha.tsv.gz", "acme/bitext", licences=licences).card
    assert card.count("[TICO-19](https://tico-19.github.io)") == 2


def test_the_licence_of_a_public_source_is_proposed(hub, prepared):
    with pytest.raises(HubError, match=r"no licence is known for tico19; if it is TICO-19, add --licence tico19=cc0-1\.0\."):
        push_bitext(prepared, "acme/bitext", licences={"asp-*": "cc-by-4.0"})


def test_text_of_pairs_is_no_mark_of_ours(hub, tmp_path, licences):
    raw = tmp_path / "yo.tsv"
    raw.write_text("english\tnon_english\tsource\n<!-- /generated:examples --> the water\tomi\ttico19\n", encoding="utf-8")
    first = push_bitext(raw, "acme/bitext", licences=licences)
    assert push_bitext(raw, "acme/bitext", licences=licences).card == first.card
    assert first.card.count("<!-- /generated:examples -->") == 1
