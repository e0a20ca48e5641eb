"""HTML of answers: what is marked, and that nothing of others becomes markup."""

import re
from dataclasses import replace
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from hf_optical.demo.engine import SearchAnswer
from hf_optical.demo.glosses import Gloss
from hf_optical.demo.highlight import Passage, answer_html, marked, notice_html, score_html
from hf_optical.demo.words import WordMatch, words_of
from hf_optical.search import Hit, TokenMatch

OWN_TAGS = {"div", "button", "span", "p", "ol", "li", "h3", "small", "mark", "strong", "q"}


class Reader(HTMLParser):
    """Tags, attributes and the text of marks."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text, self.marks, self.open = [], [], "", [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes += [(tag, *pair) for pair in attributes]
        if tag == "mark":
            self.marks.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if "mark" in self.open:
            self.marks[-1] += data


def answer(query, text, tokens=(), metadata=None):
    return SearchAnswer(query, "sw", [Hit("d1", 3.0, text, metadata or {}, list(tokens))], 0.0123, 1200, 6)


def test_a_card_tells_what_found_what():
    tokens = [TokenMatch((0, 7), "mahindi", (8, 13), "maize", 0.95), TokenMatch((8, 12), "kavu", (17, 20), "dry", 0.45)]
    html = answer_html(answer("mahindi kavu", "Storing maize is dry", tokens, {"title": "Storing"}), relevant={"d1"})
    page = Reader(html)
    assert page.open == []
    assert page.marks == ["maize", "dry"]
    assert ("mark", "aria-label", "maize, found by mahindi 0.95") in page.attributes
    assert ("mark", "data-pairs", "0:0.95") in page.attributes
    assert ("mark", "class", "op-mark op-level-4") in page.attributes
    assert ("mark", "class", "op-mark op-level-2") in page.attributes
    assert ("button", "aria-pressed", "false") in page.attributes
    assert "1 of 1,200 passages in 12 ms" in page.text
    assert "the answer" in page.text
    assert page.text.count("Storing") == 1  # the title is not repeated in the text


def test_glosses_stand_below_their_words():
    page = Reader(answer_html(answer("maji safi", "Water"), [Gloss("maji", [("water", 0.8)]), Gloss("safi", [])]))
    assert ("button", "aria-label", "maji, likely water") in page.attributes
    assert ("button", "aria-label", "safi") in page.attributes
    assert "transport plan" in page.text
    assert "transport plan" not in Reader(answer_html(answer("maji safi", "Water"))).text


HOSTILE = st.text(alphabet=st.sampled_from("<>&\"'/=` ab$ {}\u202e\n"), max_size=60)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_text_becomes_markup(query, text, title):
    words = words_of(query)
    tokens = [TokenMatch((w.start, w.end), w.text, (v.start, v.end), v.text, 0.9) for w in words for v in words_of(text)]
    found = replace(answer(query, text, tokens, {"title": title}), variants=((query, text), (title, query)))
    html = answer_html(found, [Gloss(w.text, [(text, 1.0)]) for w in words], english=title)
    page = Reader(html)
    assert page.open == []
    assert set(page.tags) <= OWN_TAGS
    assert not [entry for entry in page.attributes if entry[1].startswith("on") or entry[1] in ("href", "src")]


def test_variants_stand_in_one_line_each_once():
    found = answer("Tanzaniya na Бронкос", "Water")
    assert "Also asked for" not in answer_html(found)
    both = (("Tanzaniya", "Tanzania"), ("Бронкос", "Broncos"), ("Tanzaniya", "Tanzania"))
    text = Reader(answer_html(replace(found, variants=both))).text
    assert text.count("Also asked for: Tanzaniya as Tanzania, Бронкос as Broncos") == 1
    assert text.count("as Tanzania") == 1
    assert text.index("Also asked for") < text.index("1 of 1,200 passages")


def test_a_variant_that_is_a_script_is_text():
    html = answer_html(replace(answer("maji", "Water"), variants=(("<script>alert(1)</script>", "<img src=x onerror=alert(2)>"),)))
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "&lt;img src=x onerror=alert(2)&gt;" in html


def test_a_script_is_text():
    query = "<script>alert(1)</script> maji"
    html = answer_html(answer(query, "<img src=x onerror=alert(2)> water"), english=query)
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(2)&gt; water" in html
    assert "<b>" not in notice_html("<b>")


@given(st.text(max_size=40))
def test_marking_changes_no_character(text):
    words = words_of(text)
    matches = [WordMatch(0, (word.start, word.end), 0.5) for word in words]
    plain = Reader(marked(text, 0, len(text), matches, words_of("maji"))).text
    # a parser of HTML reads other line ends, and not every character
    assert re.sub(r"\s|\0", "", plain) == re.sub(r"\s|\0", "", text)


def test_bars_stay_within_their_frame():
    for score, width in ((-2.0, "0.0%"), (3.0, "50.0%"), (99.0, "100.0%")):
        assert f"width:{width}" in score_html(score, 6)


def test_long_passages_are_cut_and_say_so():
    hit = Hit("d", 1.0, "word " * 1000)
    assert Passage.of(hit).stop == 1500
    assert "…</p>" in answer_html(SearchAnswer("maji", "sw", [hit], 0.1, 1, 3))


def test_nothing_found_is_said():
    assert "No passage was found" in answer_html(SearchAnswer("maji", "sw", [], 0.1, 0, 3))
