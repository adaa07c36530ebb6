"""What users write is never markup."""

from hypothesis import given
from hypothesis import strategies as st

from konan.web.html import Html, html, tag


@given(st.text())
def test_no_text_makes_an_element(text: str) -> None:
    assert html(text).count("<") == 0
    inside = tag("p", text, title=text)
    assert inside.count("<") == 2
    assert inside.partition(">")[0].count('"') == 2


def test_what_was_made_here_stays() -> None:
    assert tag("p", tag("b", "x"), [Html("<br>"), None, 3]) == "<p><b>x</b><br>3</p>"


def test_an_attribute_that_is_false_is_left_out() -> None:
    assert tag("details", "x", open=True, hidden=False, class_=None) == "<details open>x</details>"
    assert tag("meta", charset="utf-8") == '<meta charset="utf-8">'
