"""The test Hub behaves as the Hub does: what the other tests rely on."""

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import get_session

SMALL, LARGE = b"a line\n", bytes(range(256)) * 40


@pytest.fixture
def api(hub):
    api = HfApi()
    api.create_repo("acme/thing", repo_type="dataset")
    operations = [CommitOperationAdd("a/small.txt", SMALL), CommitOperationAdd("large.parquet", LARGE)]
    api.create_commit("acme/thing", operations, commit_message="both", repo_type="dataset")
    return api


def test_small_and_large_files_come_back_as_they_were(api, hub):
    for path, content in (("a/small.txt", SMALL), ("large.parquet", LARGE)):
        file = api.hf_hub_download("acme/thing", path, repo_type="dataset")
        with open(file, "rb") as opened:
            assert opened.read() == content
    assert [c.title for c in api.list_repo_commits("acme/thing", repo_type="dataset")] == ["both", "initial commit"]
    tree = {e.path: e for e in api.list_repo_tree("acme/thing", recursive=True, repo_type="dataset")}
    assert sorted(tree) == [".gitattributes", "a", "a/small.txt", "large.parquet"]
    assert tree["large.parquet"].lfs.size == len(LARGE)
    assert tree["a/small.txt"].lfs is None


def test_ranges_of_large_files(api, hub, server):
    url = f"{server.url}/datasets/acme/thing/resolve/main/large.parquet"
    answer = get_session().get(url, headers={"Range": "bytes=10-19"}, follow_redirects=True)
    assert (answer.status_code, answer.content) == (206, LARGE[10:20])
    assert answer.headers["Content-Range"] == f"bytes 10-19/{len(LARGE)}"
    assert get_session().get(url, headers={"Range": "bytes=-5"}, follow_redirects=True).content == LARGE[-5:]
    assert get_session().get(url, headers={"Range": "bytes=99999999-"}, follow_redirects=True).status_code == 416


def test_a_commit_is_all_or_nothing(api, hub):
    head = api.repo_info("acme/thing", repo_type="dataset").sha
    operations = [CommitOperationAdd("new.txt", b"new"), CommitOperationDelete("not there")]
    with pytest.raises(EntryNotFoundError):
        api.create_commit("acme/thing", operations, commit_message="half", repo_type="dataset")
    info = api.repo_info("acme/thing", repo_type="dataset")
    assert info.sha == head
    assert "new.txt" not in [s.rfilename for s in info.siblings]
    first = api.list_repo_commits("acme/thing", repo_type="dataset")[-1].commit_id
    operations = [CommitOperationAdd("new.txt", b"new")]
    with pytest.raises(HfHubHTTPError) as stale:
        api.create_commit("acme/thing", operations, commit_message="late", repo_type="dataset", parent_commit=first)
    assert stale.value.response.status_code == 412


def test_what_is_not_there_is_told_apart(api, hub):
    with pytest.raises(EntryNotFoundError):
        api.hf_hub_download("acme/thing", "missing.txt", repo_type="dataset")
    with pytest.raises(RevisionNotFoundError):
        api.repo_info("acme/thing", repo_type="dataset", revision="missing")
    with pytest.raises(RepositoryNotFoundError):
        api.repo_info("acme/thing", repo_type="model")


def test_branches_and_tags(api, hub):
    api.create_branch("acme/thing", branch="refs-with/slash", repo_type="dataset")
    api.create_tag("acme/thing", tag="v1", repo_type="dataset")
    refs = api.list_repo_refs("acme/thing", repo_type="dataset")
    assert sorted(b.name for b in refs.branches) == ["main", "refs-with/slash"]
    assert [t.name for t in refs.tags] == ["v1"]
    done = api.create_commit(
        "acme/thing", [CommitOperationAdd("b.txt", b"b")], commit_message="b", repo_type="dataset", revision="refs-with/slash"
    )
    assert api.repo_info("acme/thing", repo_type="dataset", revision="refs-with/slash").sha == done.oid
    assert not api.file_exists("acme/thing", "b.txt", repo_type="dataset")


def test_private_repositories_are_not_there_for_others(hub, accounts):
    HfApi().create_repo("acme/secret", private=True)
    assert HfApi(token=accounts.reader).repo_info("acme/secret").private
    for token in (accounts.stranger, False):
        with pytest.raises(RepositoryNotFoundError) as hidden:
            HfApi(token=token).repo_info("acme/secret")
        assert not isinstance(hidden.value, GatedRepoError)
    assert hub.repos["model", "acme/secret"].private
