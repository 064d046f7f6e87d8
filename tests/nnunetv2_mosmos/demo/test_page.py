import re
from html.parser import HTMLParser

from nnunetv2_mosmos.demo.page import Card, Found, Number, Row, Section, Tile, render_page, score_table

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000100ffff03000006000557bfabd40000000049454e44ae426082"
)


EVERYTHING = {
    "rows": [Row([Tile(PIXEL, "liver", ["p <1>"]), Tile(PIXEL, "heart")], 92, "patient")],
    "cards": [Card(PIXEL, "study", "a <report>", {"liver": "present", "heart": "absent"}, [Found("1.", "x", True)])],
    "table": (["a", "b"], [["1", "2"]]),
    "commands": ["x <y>"],
    "legend": {"liver": "#ff0000"},
    "verdict": "no <better>",
}


def page(**section):
    numbers = [Number("0.81", "mean Dice", True), Number("0.40", "AUROC", False), Number("12", "cases")]
    return render_page("A <title>", "hello", numbers, [Section("Part", **section)])


class Balance(HTMLParser):
    """Counts open elements."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_needs_nothing_beside_it_and_nothing_from_a_network():
    text = page(**EVERYTHING)
    assert not re.search(r'(?:src|href)="(?!data:)', text)
    assert "http" not in text
    assert "<script" not in text
    assert "data:image/png;base64,iVBOR" in text


def test_elements_are_closed_in_order():
    reader = Balance()
    reader.feed(page(**EVERYTHING))
    assert reader.open == []


def test_what_is_written_is_escaped():
    text = page(**{**EVERYTHING, "text": "a < b & c", "commands": ["cmd <in >out"]})
    assert "A &lt;title&gt;" in text
    assert "a &lt; b &amp; c" in text
    assert "cmd &lt;in &gt;out" in text
    assert not re.search("<(report|1|better)>", text)


def test_numbers_show_whether_they_are_good_enough():
    text = page()
    assert 'class="number good"><b>0.81' in text
    assert 'class="number bad"><b>0.40' in text
    assert 'class="number"><b>12' in text


def test_it_fits_a_narrow_window():
    text = page(**EVERYTHING)
    assert 'name="viewport"' in text
    assert "--least: 92px" in text
    assert "minmax(min(100%, var(--least)), 1fr)" in text


def test_tags_say_what_the_report_says_and_the_right_report_is_marked():
    text = page(**EVERYTHING)
    assert '<span class="chip present">liver</span><span class="chip absent">no heart</span>' in text
    assert '<li class="right"><b>1.</b> x</li>' in text


def test_tables_have_a_dash_where_there_is_no_number():
    header, rows = score_table(
        {"2d": {"liver": 0.912, "heart": float("nan")}, "cases": {"liver": 4}}, ["liver", "heart"], "organ"
    )
    assert header == ["organ", "2d", "cases"]
    assert rows == [["liver", "0.91", "4"], ["heart", "–", "–"]]
