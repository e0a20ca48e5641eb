import gzip

import pytest

from hf_optical.hub.errors import HubError
from hf_optical.hub.files import Outgoing, gather
from hf_optical.hub.private import refuse_private, without_folders

TOKEN = "hf_" + "aB3" * 10


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (TOKEN, "a token or key"),
        ("ghp_" + "x1" * 15, "a token or key"),
        ("AKIA" + "ABCDEFGH" * 2, "a token or key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "a token or key"),
        ("see /home/ada/data.tsv", "a path of a machine"),
        ('"path": "/Users/ada/x"', "a path of a machine"),
        (r"C:\Users\ada\x", "a path of a machine"),
        ("/tmp/run1", "a path of a machine"),
        *(
            (text, "a path of a machine")
            for text in (
                "file:///home/ada/data.tsv",
                "see FILE:///C:/x",
                "teacher: file://gpu/models/teacher",
                "/data/sw.tsv",
                "in /users/ada/runs",
                '"/nfs/ada/x"',
                "path=/net/gpu/x",
                "(/storage/ada)",
                "`/projects/optical/sw`",
                "/Volumes/Disk/x",
                "ada@gpu:/home/ada/x",
                "C:/Users/ada/x",
            )
        ),
        ("my-short-token", "your token"),
    ],
)
def test_found_with_file_and_line(text, what):
    with pytest.raises(HubError, match=rf"^notes\.md:3: {what} is in this line; take it out \(nothing was sent\)\.$"):
        refuse_private([Outgoing("notes.md", f"one\ntwo\n{text}\nfour\n".encode())], token="my-short-token")


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/home/ada",
        "runs/teacher",
        "hf_optical",
        "a / b",
        "/ and /tmp",
        "1/tmp/2",
        "evaluation/x.json",
        "~/home/",
        "data/sw.tsv",
        "./data/sw.tsv",
        "acme/data/users",
        "https://example.org/data/sw.tsv, http://127.0.0.1:7860/users/ada",
        "hf://datasets/acme/bitext/data/train.parquet",
        "{base}/users/{id} and $HOME/data/sw.tsv and ${DIR}/data/x and %s/data/x",
        "[pairs](/projects/optical)",
        "GET /users, /data and /storage",
        "profile:/x, file: /x, a file://",
        "*/data/x",
    ],
)
def test_what_only_looks_like_it(text):
    refuse_private([Outgoing("notes.md", text.encode())])


def test_a_space_may_name_where_the_hub_keeps_its_files():
    app = Outgoing("app.py", b"cache = '/data/cache'\nother = '/home/ada/x'\n")
    with pytest.raises(HubError, match=r"^app\.py:1: a path of a machine"):
        refuse_private([app])
    with pytest.raises(HubError, match=r"^app\.py:2: a path of a machine"):
        refuse_private([app], kind="space")


def test_vocabulary_and_data_are_words_of_people_but_tokens_are_tokens_anywhere(tmp_path):
    refuse_private([Outgoing("tokenizer.json", b'{"/usr/bin": 1, "/home/ada": 2}'), Outgoing("pairs.tsv", b"/home/ada\tnyumbani")])
    for path in ("tokenizer.json", "pairs.tsv"):
        with pytest.raises(HubError, match="a token or key"):
            refuse_private([Outgoing(path, TOKEN.encode())])
        with pytest.raises(HubError, match="a path of this machine"):
            refuse_private([Outgoing(path, f"x {tmp_path}/y".encode())], folders=[tmp_path])


def test_binary_files_are_searched(tmp_path):
    file = tmp_path / "model.safetensors"
    for secret in (TOKEN.encode(), f"{tmp_path}/x".encode()):
        file.write_bytes(b"\0\1\2" * 50 + secret + b"\0")
        for content in (file, file.read_bytes()):
            with pytest.raises(HubError, match=r"model\.safetensors: byte 150: "):
                refuse_private([Outgoing("model.safetensors", content)], folders=[tmp_path])


def test_user_and_host_in_places_that_name_them(monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "wanjiru")
    monkeypatch.setattr("socket.gethostname", lambda: "gpu-box-7")
    for text in ("data/wanjiru/x", "wanjiru@gpu-box-7", '"user": "wanjiru"', "data/gpu-box-7/x"):
        with pytest.raises(HubError, match=r"your user name|the name of this machine"):
            refuse_private([Outgoing("a.json", text.encode())])
    refuse_private([Outgoing("a.md", b"by Wanjiru, wanjiru wrote this")])
    refuse_private([Outgoing("a.md", b"https://x/wanjiru/optical")], namespace="wanjiru")


def test_paths_become_names():
    assert without_folders({"a": ["/x/y.tsv:3", "y.tsv:3", 1, None], "/x/k": "~/z", "w": "C:\\a\\b"}) == {
        "a": ["y.tsv:3", "y.tsv:3", 1, None],
        "k": "z",
        "w": "b",
    }
    assert without_folders(["file:///home/ada/sw.tsv:7", "file.txt"]) == ["sw.tsv:7", "file.txt"]
    assert without_folders("runs/teacher, /not a path") == "runs/teacher, /not a path"


def test_gather_tells_what_stays(tmp_path):
    for path in (
        "a.txt",
        ".env",
        "checkpoint-3/a.txt",
        "sub/b.txt",
        "sub/__pycache__/c.pyc",
        ".git/config",
        "run.log",
        ".gitattributes",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    (tmp_path / "link.txt").symlink_to("a.txt")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    files, left_out = gather(tmp_path)
    assert [file.path for file in files] == [".gitattributes", "a.txt", "link.txt", "sub/b.txt"]
    assert dict(left_out) == {
        ".env": "settings of this machine",
        ".git/": "hidden",
        "checkpoint-3/": "checkpoint of the training",
        "dangling": "link to nothing",
        "loop/": "link to a folder",
        "run.log": "log",
        "sub/__pycache__/": "cache",
    }


def test_packed_text_and_names_of_files_are_searched(tmp_path):
    packed = gzip.compress(f"x\n{TOKEN}\n".encode())
    with pytest.raises(HubError, match=r"^notes\.tsv\.gz: byte 2: a token or key"):
        refuse_private([Outgoing("notes.tsv.gz", packed)])
    with pytest.raises(HubError, match=r"^notes\.tsv\.gz: it cannot be read"):
        refuse_private([Outgoing("notes.tsv.gz", packed[:20])])
    with pytest.raises(HubError, match=r"^run-\.\.\.\.txt: a token or key is in the name of this file") as refused:
        refuse_private([Outgoing(f"run-{TOKEN}.txt", b"x")])
    assert TOKEN not in str(refused.value)


def test_an_archive_with_a_long_name_is_a_pickle(tmp_path):
    import torch

    torch.save({}, tmp_path / f"{'long-name-' * 8}.dat")
    with pytest.raises(HubError, match="is a pickle"):
        gather(tmp_path)
