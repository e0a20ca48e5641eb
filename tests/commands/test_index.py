"""`optical index`: passages are encoded, added, deleted and checked."""

import json

import pytest

from hf_optical.commands import index, search


def test_index_tells_what_was_made(made):
    assert made["passages"] == 20
    assert made["dtype"] == "int8"
    assert made["deleted"] == 0
    assert made["bytes"] > 20 * made["dim"]


def test_passages_are_added_deleted_and_checked(made, workshop, capsys):
    rows = [{"_id": "x", "title": "Water", "text": "lake", "metadata": {"year": 1999}}, {"_id": "y", "text": "river"}]
    (workshop / "more.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    index.run(["more.jsonl", "--teacher", "teacher", "--output", "i", "--add", "--json"])
    assert json.loads(capsys.readouterr().out)["passages"] == 22
    search.run(["i", "--student", "student", "maji", "--filter", "year=1999", "--json"])
    (hit,) = json.loads(capsys.readouterr().out)[0]["hits"]
    assert (hit["id"], hit["text"], hit["metadata"]) == ("x", "Water lake", {"title": "Water", "year": 1999})
    index.run(["--output", "i", "--delete", "d0", "x", "--json"])
    outcome = json.loads(capsys.readouterr().out)
    assert (outcome["passages"], outcome["deleted"]) == (20, 2)
    index.run(["--output", "i", "--compact"])
    assert "20 passages" in capsys.readouterr().out
    index.run(["--output", "i", "--verify"])
    assert "every file is whole" in capsys.readouterr().out
    (file,) = (workshop / "i").glob("segment-*/embeddings.bin")
    content = bytearray(file.read_bytes())
    content[5] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"embeddings.bin is damaged .*restore from a copy"):
        index.run(["--output", "i", "--verify"])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--output", "i"], "PASSAGES and --teacher are needed"),
        (["p.jsonl", "--teacher", "t"], "--output"),
        (["p.jsonl", "--output", "i", "--verify"], "passages has no meaning with --verify"),
        (["p.jsonl", "--teacher", "t", "--output", "i", "--add", "--dtype", "int8"], "--dtype has no meaning with --add"),
        (["--output", "i", "--verify", "--compact"], "not allowed with"),
        (["--output", "nowhere", "--verify"], "no index in nowhere"),
        (["benchmark/corpus.jsonl", "--teacher", "teacher", "--output", "i", "--pool-factor", "0"], "'0' is not a whole number"),
        (["benchmark/corpus.jsonl", "--teacher", "student", "--output", "i"], "student is a student, not a teacher"),
    ],
)
def test_index_says_what_is_wrong(workshop, argv, message):
    with pytest.raises(ValueError, match=message):
        index.run(argv)
    assert not (workshop / "i").exists()


@pytest.mark.parametrize(
    ("record", "column"),
    [
        ({"_id": "x\udfff", "text": "lake"}, "_id"),
        ({"_id": "x", "text": "lake", "metadata": {"place": {"name": "\ud800"}}}, "metadata"),
        ({"_id": "x", "text": "lake", "metadata": {"\ud800": 1}}, "metadata"),
    ],
)
def test_half_of_a_surrogate_pair_in_a_passage_is_refused_with_its_place(workshop, monkeypatch, record, column):
    from hf_optical.models import OpticalTeacherModel

    monkeypatch.setattr(OpticalTeacherModel, "encode_document", lambda *args, **kwargs: pytest.fail("it was encoded"))
    (workshop / "p.jsonl").write_text(json.dumps({"_id": "first", "text": "a"}) + "\n" + json.dumps(record) + "\n")
    with pytest.raises(ValueError, match=rf"p.jsonl:2.*{column}.*half of a surrogate pair"):
        index.run(["p.jsonl", "--teacher", "teacher", "--output", "x"])
