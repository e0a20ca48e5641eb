"""The README.md of a Space: what people changed on the Hub stays, what was changed here is sent."""

import logging
import shutil

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.hub import HubError, push_metric, push_space
from hf_optical.hub.sections import join_card, split_card
from hf_optical.hub.space_card import card_record, merge_space_card, sections

FRONT = {"title": "Demo", "emoji": "🎯", "sdk": "gradio", "sdk_version": "6.0.0", "tags": ["a", "b"]}
BODY = "# Demo\n\nTry it.\n\n## Use\n\n```sh\n# run it\nrun\n```\n\n## Cite\n\nUs."
HERE = join_card(FRONT, BODY)


def edited(front=None, without=(), **texts):
    """HERE after an edit: metadata, and replaced texts."""
    data, body = split_card(HERE)
    for old, new in texts.items():
        assert old in body
        body = body.replace(old, new)
    return join_card({key: value for key, value in (data | (front or {})).items() if key not in without}, body)


def test_a_persons_metadata_and_text_stay_and_what_the_files_need_is_ours():
    there = edited(
        {"title": "Our demo", "emoji": "🐢", "suggested_hardware": "t4-small", "sdk": "static", "tags": ["b", "mine"]}, Us="Them"
    )
    here = edited({"sdk_version": "6.1.0", "app_file": "main.py", "tags": ["b", "c"]}, Try="Just try")
    data, body = split_card(merge_space_card(here, there, card_record(HERE)))
    assert data == {
        **{"title": "Our demo", "emoji": "🐢", "suggested_hardware": "t4-small"},
        **{"sdk": "gradio", "sdk_version": "6.1.0", "app_file": "main.py", "tags": ["b", "c", "mine"]},
    }
    assert "Just try it." in body
    assert "Them." in body


def test_what_nobody_changed_there_is_as_in_the_folder_to_the_byte():
    here = edited({"title": "New"}, Us="We").replace("\n\nTry", "\n\n\nTry")
    assert merge_space_card(here, HERE, card_record(HERE)) == here
    assert merge_space_card(here, None, None) == here


def test_the_same_part_changed_on_both_sides_is_a_question():
    for mine, other, what in (
        (edited({"title": "x"}), edited({"title": "y"}), "'title'"),
        (edited(Us="x"), edited(Us="y"), "the section '## Cite'"),
    ):
        with pytest.raises(HubError, match=rf"^README\.md: {what} was edited here and on the Hub, in different ways: make the two"):
            merge_space_card(mine, other, card_record(HERE))
        assert merge_space_card(mine, mine, card_record(HERE)) == mine


def test_removed_and_added_parts():
    record, data = card_record(HERE), split_card(HERE)[0]
    parts = sections(BODY)
    assert list(parts) == ["# Demo", "## Use", "## Cite"]  # a comment in code is no heading
    there = join_card(
        {k: v for k, v in data.items() if k != "emoji"}, "\n\n".join([parts["# Demo"], "## Mine\n\nHello.", parts["## Cite"]])
    )
    here = join_card(data | {"license": "mit"}, "\n\n".join([parts["# Demo"], parts["## Use"], "## New\n\nMore."]))
    merged, body = split_card(merge_space_card(here, there, record))
    assert list(sections(body)) == ["# Demo", "## New", "## Mine"]  # Use: removed there; Cite: removed here
    assert "emoji" not in merged
    assert merged["license"] == "mit"
    assert "## Cite" in merge_space_card(here, there.replace("Us.", "Us, and me."), record)  # a person's by now


def test_without_a_record_all_that_is_there_is_a_persons(caplog):
    there = join_card({"title": "Theirs", "sdk": "static", "app_file": "index.html"}, "# All theirs")
    with caplog.at_level(logging.WARNING):
        data, body = split_card(merge_space_card(HERE, there, None))
    assert data == FRONT | {"title": "Theirs"}
    assert body.strip() == "# All theirs"
    assert "that of the one here is not sent" in caplog.text


WORDS = st.text(st.characters(whitelist_categories=("L", "N")), min_size=1, max_size=8)
PARTS = st.lists(st.tuples(st.integers(1, 3), WORDS, WORDS), max_size=4)


@given(PARTS, PARTS, PARTS)
def test_nothing_is_lost_and_a_second_merge_changes_nothing(base, mine, other):
    def card(parts):
        return join_card(
            {"title": "t", "sdk": "gradio"}, "\n\n".join(f"{'#' * level} {name}\n\n{text}" for level, name, text in parts)
        )

    record = card_record(card(base))
    try:
        merged = merge_space_card(card(mine), card(other), record)
    except HubError:
        return
    new = set(sections(split_card(card(other))[1]).values()) | set(sections(split_card(card(mine))[1]).values())
    here, there = (set(sections(split_card(card(parts))[1]).values()) for parts in (mine, other))
    was = set(sections(split_card(card(base))[1]).values())
    got = set(sections(split_card(merged)[1]).values())
    assert (there - was) <= got <= new
    assert here & there <= got
    assert merge_space_card(card(mine), merged, card_record(card(mine))) == merged


@pytest.fixture
def space(tmp_path):
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "app.py").write_text("print('hello')\n")
    (folder / "README.md").write_text(HERE)
    return folder


def card_of(hub, repo):
    return hub.repos["space", repo].at("main").files["README.md"].content.decode()


def edit(repo, change, *more):
    """What a person does on the site."""
    api = HfApi()
    with open(api.hf_hub_download(repo, "README.md", repo_type="space"), encoding="utf-8") as file:
        text = change(file.read())
    operations = [CommitOperationAdd("README.md", text.encode()), *more]
    api.create_commit(repo, operations, commit_message="edit", repo_type="space")


def test_the_hubs_own_card_of_an_empty_space_is_nobodys(hub, space):
    push_space(space, "acme/demo")
    data, body = split_card(card_of(hub, "acme/demo"))
    assert {key: data[key] for key in FRONT} == FRONT
    assert "app_file" not in data
    assert body.strip() == BODY


def test_a_second_push_changes_nothing_and_edits_survive_further_ones(hub, space):
    first = push_space(space, "acme/demo")
    assert push_space(space, "acme/demo").commit == first.commit
    edit(
        "acme/demo", lambda text: text.replace("title: Demo", "title: Ours\nsuggested_hardware: t4-small").replace("Try", "Do try")
    )
    (space / "README.md").write_text(edited({"sdk_version": "6.2.0"}, Us="We"))
    push_space(space, "acme/demo")
    card = card_of(hub, "acme/demo")
    for text in ("title: Ours", "suggested_hardware: t4-small", "Do try it.", "sdk_version: 6.2.0", "We."):
        assert text in card, text
    last = push_space(space, "acme/demo")
    assert card_of(hub, "acme/demo") == card
    assert push_space(space, "acme/demo").commit == last.commit
    (space / "README.md").write_text(edited(Try="Never"))
    with pytest.raises(HubError, match=r"section '# Demo' was edited here and on the Hub"):
        push_space(space, "acme/demo")
    assert card_of(hub, "acme/demo") == card


def test_files_that_are_no_longer_in_the_folder_go_and_those_of_people_stay(hub, space):
    (space / "old.txt").write_text("x\n")
    push_space(space, "acme/demo")
    edit("acme/demo", str, CommitOperationAdd("theirs.txt", b"y\n"))
    (space / "old.txt").unlink()
    push_space(space, "acme/demo")
    assert sorted(hub.repos["space", "acme/demo"].at("main").files) == [
        *(".gitattributes", "README.md", "app.py", "optical.json", "theirs.txt")
    ]


def test_the_card_of_a_metric_keeps_edits_and_pins_what_is_new(hub, repository, tmp_path):
    folder = tmp_path / "recall_at_k"
    shutil.copytree(repository / "spaces" / "recall_at_k", folder)
    first = push_metric(folder, "acme/recall_at_k")
    load = 'evaluate.load("acme/recall_at_k", revision="{}")'
    assert load.format(first.tag) in first.card

    def by_hand(text):
        text = text.replace("title: Recall at k", "title: Recall").replace(
            "## Inputs", "## Where we use it\n\nIn Nairobi.\n\n## Inputs"
        )
        return text.replace("## How to use\n", '## How to use\n\nOr: `evaluate.load("acme/recall_at_k")`, says Anna.\n')

    edit("acme/recall_at_k", by_hand)
    (folder / "requirements.txt").write_text((folder / "requirements.txt").read_text() + "# more\n")
    readme = folder / "README.md"
    readme.write_text(
        readme.read_text().replace("sdk_version: 6.31.0", "sdk_version: 6.32.0").replace("## Limitations", "## Limits")
    )
    card = push_metric(folder, "acme/recall_at_k").card
    second = push_metric(folder, "acme/recall_at_k")
    assert second.tag != first.tag
    assert card.count(load.format(second.tag)) == 2
    assert first.tag not in card
    for text in ("title: Recall\n", "In Nairobi.", "says Anna.", "sdk_version: 6.32.0", "## Limits"):
        assert text in card, text
    assert "## Limitations" not in card
    assert second.card == card


def test_a_space_made_by_hand_keeps_its_card(hub, space):
    HfApi().create_repo("acme/demo", repo_type="space", space_sdk="static")
    edit("acme/demo", lambda text: join_card({"title": "By hand", "sdk": "static"}, "# By hand"))
    push_space(space, "acme/demo")
    assert split_card(card_of(hub, "acme/demo"))[0] == FRONT | {"title": "By hand"}
    assert "# By hand" in card_of(hub, "acme/demo")


def test_a_record_that_cannot_be_read_is_told(hub, space):
    push_space(space, "acme/demo")
    edit("acme/demo", str, CommitOperationAdd("optical.json", b"{"))
    with pytest.raises(HubError, match=r"^optical\.json of acme/demo is not valid JSON \(.*\): mend or remove it there\.$"):
        push_space(space, "acme/demo")
    edit("acme/demo", str, CommitOperationDelete("optical.json"))
    push_space(space, "acme/demo")


def test_static_and_docker_spaces_run_something_else(hub, space):
    (space / "app.py").rename(space / "index.html")
    (space / "README.md").write_text("---\ntitle: Demo\nsdk: static\n---\n")
    push_space(space, "acme/page")
    (space / "README.md").write_text("---\ntitle: Demo\nsdk: docker\n---\n")
    with pytest.raises(HubError, match="Dockerfile is not in"):
        push_space(space, "acme/box")
