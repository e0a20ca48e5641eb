import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.hub.errors import HubError
from hf_optical.hub.sections import choose_card, join_card, merge_card, own_text, split_card

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
