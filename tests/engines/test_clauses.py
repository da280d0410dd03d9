"""Cutting an answer into clauses: early, whole numbers, no markup, and no word lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.brain.clauses import ClauseSplitter


def cut(*tokens: str) -> list[str]:
    splitter = ClauseSplitter()
    return [clause for token in tokens for clause in splitter.feed(token)] + splitter.flush()


def by_words(text: str) -> list[str]:
    return re.findall(r"\s*\S+", text)


@pytest.mark.parametrize("last", ["nine.", "nine!", "nine?", "nine?!", "nine…"])
def test_a_sentence_comes_with_the_token_that_ends_it(last: str) -> None:
    splitter = ClauseSplitter()
    assert splitter.feed("We open at ") == []
    assert splitter.feed(last) == [f"We open at {last}"]


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith and Mrs. Jones are in.",
        "It is e.g. the blue one.",
        "Ask for J. Smith at the desk.",
        "We open at 9 a.m. every day.",
        "It costs $3.50 or 3.14 in all.",
        "Come at 9:30, not at 10.",
        "That is 1,250,000 in all.",
    ],
)
def test_what_only_looks_like_an_end_is_none(text: str) -> None:
    assert cut(*by_words(text)) == [text]
    assert cut(text) == [text]


def test_numbers_stay_whole_across_tokens() -> None:
    assert cut("It costs $", "3", ".", "50", " and pi is 3", ".", "14", ".") == ["It costs $3.50 and pi is 3.14."]
    assert cut("At ", "9", ":", "30", " sharp.") == ["At 9:30 sharp."]


def test_a_sentence_may_end_in_a_number() -> None:
    assert cut(*by_words("We moved in 2024. It was cold.")) == ["We moved in 2024.", "It was cold."]


def test_only_a_long_first_clause_is_given_out_at_a_comma() -> None:
    assert cut(*by_words("Sure, I can help.")) == ["Sure, I can help."]
    long = "On Saturday we open, and we close at five, as on any other day."
    assert cut(*by_words(long)) == ["On Saturday we open,", "and we close at five, as on any other day."]


def test_markup_and_code_are_not_spoken() -> None:
    text = "# Hours\nWe are **open** _today_.\n- milk\n- bread\n```json\n{}\n```\nSee [our page](http://a.b/c)."
    assert cut(*by_words(text)) == ["Hours", "We are open today.", "milk", "bread", "See our page."]
    assert cut(*text) == cut(text)
    assert cut('Here: {"a": {"b": ', "1}} it is.") == ["Here: it is."]


WORD = st.from_regex(r"[A-Za-z]{1,9}|[0-9]{1,3}(\.[0-9]{1,2})?|\$[0-9]\.[0-9]{2}|[0-9]:[0-9]{2}", fullmatch=True)
MARKED = st.tuples(WORD, st.sampled_from(["", "", "", ",", ".", "!", "?", ";"])).map("".join)


@given(st.lists(MARKED, min_size=1, max_size=40), st.lists(st.integers(1, 7), min_size=1, max_size=9))
def test_no_word_is_lost_or_made_up_however_the_tokens_fall(words: list[str], sizes: list[int]) -> None:
    text, start = " ".join(words), 0
    tokens: list[str] = []
    while start < len(text):
        size = sizes[len(tokens) % len(sizes)]
        tokens.append(text[start : start + size])
        start += size
    assert " ".join(cut(*tokens)).split() == words
