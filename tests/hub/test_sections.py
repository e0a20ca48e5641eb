import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.hub.errors import HubError
from hf_optical.hub.sections import card_record, choose_card, join_card, merge_card, own_text, split_card

SECTION = "<!-- generated:{0} -->\n{1}\n<!-- /generated:{0} -->"
RENDERED = join_card(
    {"license": "mit", "tags": ["a"]}, f"{SECTION.format('use', 'new')}\n\nFixed.\n\n{SECTION.format('end', 'bye')}"
)
WORDS = st.text(st.characters(whitelist_categories=("L", "N", "P", "Zs")), max_size=40).map(lambda t: t.replace("<!--", "").strip())


def test_only_what_stands_between_marks_changes():
    old = join_card(
        {"license": "old", "mine": 1, "tags": ["b"], "model-index": []}, f"Hi.\n\n{SECTION.format('use', 'old')}\n\nBye."
    )
    data, body = split_card(merge_card(old, RENDERED))
    assert data == {"license": "mit", "mine": 1, "tags": ["a", "b"]}  # results that are no more go
    assert body.strip() == f"Hi.\n\n{SECTION.format('use', 'new')}\n\nBye."


@given(before=WORDS, after=WORDS, old=WORDS, new=WORDS)
def test_a_persons_words_are_kept_whatever_they_are(before, after, old, new):
    existing = join_card({"a": 1}, f"{before}\n\n{SECTION.format('x', old)}\n\n{after}")
    merged = merge_card(existing, join_card({"a": 2}, SECTION.format("x", new)))
    assert own_text(merged) == own_text(existing)
    assert SECTION.format("x", new) in merged
    assert merge_card(merged, join_card({"a": 2}, SECTION.format("x", new))) == merged


WAS = {"license": "cc-by-4.0", "datasets": ["acme/old"], "language": ["sw", "en"], "tags": ["ours", "gone"], "base_model": "a/t"}
NOW = WAS | {"datasets": ["acme/new"], "tags": ["ours"]}


def metadata(theirs, *, now=NOW, was=WAS, **options):
    """Of the merged card."""
    card, rendered = (join_card(data, SECTION.format("use", "x")) for data in (theirs, now))
    record = card_record(join_card(was, "")) if was else None
    return split_card(merge_card(card, rendered, record=record, **options))[0]


def test_metadata_that_nobody_edited_is_written_anew():
    assert metadata(WAS) == NOW
    assert metadata(WAS | {"model-index": [1]}, now={"license": "mit"}) == {"license": "mit", "base_model": "a/t"}
    assert metadata(WAS, other_weights=True, now={"license": "mit"}) == {"license": "mit"}


@pytest.mark.parametrize(
    "edit",
    [
        {"license": "apache-2.0"},
        {"license": "other", "license_name": "mine", "license_link": "LICENSE"},
        {"license_link": "https://example.org"},
        {"datasets": ["acme/real"]},
        {"language": "sw"},
        {"base_model": "b/t"},
        {"thumbnail": "x.png"},
    ],
)
def test_metadata_that_a_person_edited_stays(edit):
    assert metadata(WAS | edit) == NOW | edit
    assert metadata(metadata(WAS | edit), was=NOW) == NOW | edit  # and the next time


def test_tags_and_keys_that_a_person_added_or_removed():
    assert metadata(WAS | {"tags": ["gone", "ours", "mine"]})["tags"] == ["ours", "mine"]
    without = {key: value for key, value in WAS.items() if key not in ("license", "language")}
    assert metadata(without).keys() == NOW.keys() - {"license", "language"}
    assert metadata(without, now=NOW | {"license": "mit"})["license"] == "mit"  # another than the one that was removed
    assert metadata({}) == NOW  # no metadata at all


def test_unknown_replaces_no_licence_that_is_stated(caplog):
    unknown = {"license": "unknown"}
    for was in (WAS, unknown, None):
        assert metadata({"license": "apache-2.0"}, now=unknown, was=was) == {"license": "apache-2.0"}
    assert metadata(unknown, now={"license": "mit"}, was=None) == {"license": "mit"}
    assert metadata(unknown | {"license_name": "x"}, now={"license": "mit"}) == {"license": "mit"}
    # of other weights nobody has stated any, unless a person did
    assert metadata({"license": "cc-by-4.0"}, now=unknown, other_weights=True) == unknown
    assert metadata({"license": "mit"}, now=unknown, other_weights=True) == {"license": "mit"}
    assert not caplog.records
    metadata({"license": "apache-2.0"}, now={"license": "cc-by-nc-4.0"})
    assert caplog.messages == [
        "README.md on the Hub has the license apache-2.0, which a person stated there: it stays, though that of the data is "
        "cc-by-nc-4.0"
    ]


def test_a_card_of_a_person_keeps_its_metadata():
    card = join_card({"license": "apache-2.0", "tags": ["mine"]}, "# Mine")
    data = split_card(merge_card(card, join_card(NOW, SECTION.format("use", "x"))))[0]
    assert data == NOW | {"license": "apache-2.0", "tags": ["ours", "mine"]}


def test_metadata_of_the_hub_counts_where_the_text_was_edited_here():
    generated = join_card(NOW, f"{SECTION.format('use', 'x')}\n\nFixed.")
    here = generated.replace("Fixed.", "Here.").replace("acme/new", "acme/stale").replace("---\n", "---\ninference: false\n", 1)
    there = generated.replace("license: cc-by-4.0", "license: mit")
    data, body = split_card(choose_card(here, there, generated, record=card_record(generated)))
    assert data == NOW | {"license": "mit", "inference": False}
    assert "Here." in body


def test_a_card_without_marks_is_a_persons():
    body = split_card(merge_card("# Mine\n", RENDERED))[1]
    assert body.strip().startswith("# Mine\n\n<!-- generated:use -->")
    assert split_card(merge_card("", RENDERED))[1] == split_card(RENDERED)[1]


def test_which_of_two_cards():
    here, there = RENDERED.replace("Fixed.", "Here."), RENDERED.replace("Fixed.", "There.")
    assert choose_card(None, None, RENDERED) == RENDERED
    assert "Here." in choose_card(here, None, RENDERED)
    assert "Here." in choose_card(here, RENDERED, RENDERED)
    assert "There." in choose_card(RENDERED, there, RENDERED)
    assert "There." in choose_card(None, there, RENDERED)
    assert "Here." in choose_card(here, here, RENDERED)
    with pytest.raises(HubError, match="in different ways"):
        choose_card(here, there, RENDERED)


@pytest.mark.parametrize(("front", "what"), [("license: [", "no YAML"), ("- a\n- b", "no mapping")])
def test_metadata_that_cannot_be_read(front, what):
    with pytest.raises(HubError, match=rf"^README\.md on the Hub:\d: the metadata .* {what}"):
        merge_card(f"---\n{front}\n---\ntext", RENDERED)
