import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.hub.errors import HubError
from hf_optical.hub.licence_terms import Licence, check_mix, conflict, whole
from hf_optical.hub.licences import licence_of, licences_of, read_licences

KNOWN = [
    "cc0-1.0",
    "cc-by-4.0",
    "cc-by-2.0",
    "cc-by-sa-4.0",
    "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0",
    "cc-by-nd-4.0",
    "gpl-2.0",
    "apache-2.0",
]


@pytest.mark.parametrize(
    ("text", "identifier"),
    [("CC BY 4.0", "cc-by-4.0"), ("cc_by_sa_4.0", "cc-by-sa-4.0"), ("CC0", "cc0-1.0"), ("Apache-2.0", "apache-2.0"), ("X", "x")],
)
def test_spellings(text, identifier):
    assert Licence.parse(text).id == identifier


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("cc0-1.0", "cc-by-nc-4.0", True),
        ("cc-by-4.0", "cc-by-sa-4.0", True),
        ("cc-by-4.0", "cc-by-nc-sa-4.0", True),
        ("cc-by-nc-4.0", "cc-by-nc-sa-4.0", True),
        ("cc-by-sa-3.0", "cc-by-sa-4.0", True),
        ("cc-by-sa-4.0", "cc-by-nc-4.0", False),
        ("cc-by-sa-4.0", "cc-by-nc-sa-4.0", False),
        ("cc-by-nd-4.0", "cc0-1.0", False),
        ("gpl-2.0", "cc-by-sa-4.0", False),
        ("gpl-2.0", "mit", True),
        ("some-terms", "cc0-1.0", False),
    ],
)
def test_which_go_together(one, other, together):
    assert (conflict([one, other]) is None) == together
    assert (conflict([other, one]) is None) == together
    if not together:
        with pytest.raises(HubError, match="must not be mixed"):
            check_mix({"a": one, "b": other}, allow=False)
    check_mix({"a": one, "b": other}, allow=True)


@given(st.lists(st.sampled_from(KNOWN), min_size=1))
def test_the_whole_does_not_depend_on_order_and_asks_for_no_less_than_a_part(licences):
    assert len({whole(order) for order in itertools.islice(itertools.permutations(licences), 6)}) == 1
    licence, name = whole(licences)
    if conflict(licences):
        assert (licence, name) == ("other", "-and-".join(sorted(set(licences))))
    elif any(Licence(one).non_commercial for one in licences):
        assert Licence(licence).non_commercial
    if len(set(licences)) == 1:
        assert licence == licences[0]


@pytest.mark.parametrize("several", ["cc-by-nc-4.0-and-cc-by-sa-4.0", "cc-by-4.0-and-mine", "cc-mine-1.0", "my-terms"])
def test_terms_that_are_not_known_are_never_the_weaker_ones(several):
    assert Licence(several).family == "?"
    assert Licence(several).non_commercial == ("nc" in several.split("-"))
    assert whole([several]) == ("other", several)
    for other in KNOWN:
        assert conflict([several, other]) is not None
        assert whole([several, other])[0] == "other"
    with pytest.raises(HubError, match="must not be mixed"):
        check_mix({"the teacher": several, "mine": "cc-by-4.0"}, allow=False)


def test_tables(tmp_path):
    (tmp_path / "l.yaml").write_text("tico19: CC0\nasp-*: CC-BY-4.0\n")
    (tmp_path / "l.tsv").write_text("source\tlicence\ntico19\tCC0\nasp-*\tCC BY 4.0\n")
    for name in ("l.yaml", "l.tsv"):
        table = read_licences(["tico19=MIT"], tmp_path / name)
        assert table == {"tico19": "mit", "asp-*": "cc-by-4.0"}
    assert licence_of("asp-0007", table) == "cc-by-4.0"
    assert licence_of("other", table) is None
    assert licence_of("asp-7", table | {"asp-7": "x", "asp-7*": "y"}) == "x"
    with pytest.raises(HubError, match=r"no licence is known for tico20; did you mean 'tico19'\?"):
        licences_of(["tico20"], table)
    for bad in ("tico19", "=MIT", "tico19="):
        with pytest.raises(HubError, match="write SOURCE=LICENCE"):
            read_licences([bad])
    with pytest.raises(HubError, match="lacks its version"):
        read_licences(["a=CC-BY"])
    with pytest.raises(HubError, match="no such file"):
        read_licences(file=tmp_path / "missing.tsv")
    (tmp_path / "bad.tsv").write_text("a,b\n")
    with pytest.raises(HubError, match="no columns"):
        read_licences(file=tmp_path / "bad.tsv")
