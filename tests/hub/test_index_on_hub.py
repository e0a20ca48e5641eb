"""An index in a dataset repository: opened from there as from a folder, and only if every byte is what its manifest says."""

import pytest
from huggingface_hub import HfApi

from hf_optical.commands import index as index_command
from hf_optical.demo.loading import load_engine
from hf_optical.demo.settings import DemoSettings
from hf_optical.search import DiskIndex
from hf_optical.search.hub_index import hub_place
from hf_optical.search.index_error import IndexFormatError
from hf_optical.search.opening import build_index, open_index


@pytest.fixture
def index(tiny_teacher, tmp_path):
    index = DiskIndex.build(
        tmp_path / "index", tiny_teacher, ["d1", "d2", "d3"], ["maize", "river", "rain"], show_progress_bar=False
    )
    index.delete(["d3"])
    return index


@pytest.fixture
def uploaded(hub, index):
    """The commit of `acme/passages`, which holds the index at the top and in `news/`."""
    api = HfApi()
    api.create_repo("acme/passages", repo_type="dataset", private=True)
    api.upload_folder(repo_id="acme/passages", repo_type="dataset", folder_path=index.folder)
    return api.upload_folder(
        repo_id="acme/passages", repo_type="dataset", folder_path=index.folder, path_in_repo="news", ignore_patterns=".lock"
    ).oid


def test_it_is_searched_as_the_folder_that_was_uploaded(uploaded, index, tiny_student):
    queries = tiny_student.encode_query(["mahindi", "maji"])
    for place in ("", f"@{uploaded}", f"@{uploaded}/news", "@main/news/"):
        assert open_index(f"hf://datasets/acme/passages{place}").search(queries, 3) == index.search(queries, 3)


def test_the_demo_takes_it(uploaded, tmp_path, workshop):
    settings = DemoSettings(students="sw=student", teacher="teacher", index=f"hf://datasets/acme/passages@{uploaded}")
    assert load_engine(settings).search("mahindi", "sw", 1).hits[0].id in ("d1", "d2")


def test_what_is_not_what_the_manifest_says_is_refused(uploaded, index):
    (file,) = index.folder.glob("segment-*/texts.bin")
    path = file.relative_to(index.folder).as_posix()
    commit = HfApi().upload_file(
        repo_id="acme/passages", repo_type="dataset", path_in_repo=path, path_or_fileobj=b"maize?" + file.read_bytes()[6:]
    )
    with pytest.raises(IndexFormatError, match=r"^index hf://.*texts\.bin is damaged .*: push it again\.$"):
        open_index("hf://datasets/acme/passages")
    HfApi().delete_file(path, "acme/passages", repo_type="dataset")
    with pytest.raises(IndexFormatError, match=r"texts\.bin is missing: push it again\.$"):
        open_index("hf://datasets/acme/passages")
    assert commit.oid != uploaded
    assert not open_index(f"hf://datasets/acme/passages@{uploaded}").verify()  # the revision is as it was


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("acme/nothing", r"not to be had from the Hub"),
        ("acme/passages@v9", r"not to be had from the Hub"),
        ("acme/passages/old", r"there is no manifest\.json of an index"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(uploaded, place, message):
    with pytest.raises(IndexFormatError, match=message) as refused:
        open_index(f"hf://datasets/{place}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "place", ["org/passages", "datasets/passages", "datasets/org/@v1", "datasets/org/x@", "datasets/org/x//y", ""]
)
def test_other_forms_are_refused_with_the_right_one(place):
    with pytest.raises(ValueError, match=r"write hf://datasets/OWNER/NAME@REVISION"):
        hub_place(f"hf://{place}")


def test_revisions_with_a_slash_are_quoted():
    assert hub_place("hf://datasets/org/x@refs%2Fpr%2F1/a/b") == ("org/x", "refs/pr/1", "a/b")


def test_it_is_only_read(tiny_teacher, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="is on the Hub: build it in a folder"):
        build_index("hf://datasets/acme/passages", tiny_teacher, ["d"], ["maize"])
    for task in (["--delete", "d1"], ["--compact"], ["p.jsonl", "--teacher", "t", "--add"], ["p.jsonl", "--teacher", "t"]):
        with pytest.raises(ValueError, match="is on the Hub and can only be read"):
            index_command.run(["--output", "hf://datasets/acme/passages", *task])
    assert not list(tmp_path.iterdir())
