"""Cuts a stream of tokens into clauses that can be spoken, as early as is safe.

A sentence is given out with the token that ends it, not with the next one, because a model may take its time for that.
The price is knowing what a full stop is not: an abbreviation, an initial, or a decimal point whose digits come in the
next token. A long beginning is given out at a comma, so that the voice can start. Markdown, code and JSON are left out.
"""

from __future__ import annotations

import re
import unicodedata

FIRST_WORDS = 4
"""The first clause may end at a comma when it has this many words."""
LATER_WORDS = 12
"""Later ones are made while the caller listens, so they are cut less; a whole sentence sounds better."""
SPOKEN_SENTENCE_LETTERS = 2
"""A full stop after fewer letters ends an initial or a part of an abbreviation (`J.`, `a.m.`)."""

_ABBREVIATIONS = """
    mr mrs ms dr prof st ave blvd rd jr sr inc ltd co corp vs etc approx dept est ext tel fig
    jan feb mar apr jun jul aug sept oct nov dec mon tue tues wed thu thur thurs fri
    ft lb lbs oz hr hrs min max
"""
ABBREVIATIONS = frozenset(_ABBREVIATIONS.split())
SENTENCE_MARKS = ".!?…"
_CLAUSE_MARKS = ",;:"
_LINK = re.compile(r"(?:https?://|www\.)(?:www\.)?([\w.-]+)\S*", re.IGNORECASE)
_PICTURES = frozenset({"So", "Sk", "Cf", "Co", "Cn", "Cs", "Mn"})
"""Unicode categories of what no voice can say: emoji, their modifiers and joiners."""
_CLOSERS = "\"'\u201d\u2019)]\u00bb"
_TRAILING_LETTERS = re.compile(r"[^\W\d_]+$")


class ClauseSplitter:
    """One answer. Feed tokens in order, speak what comes back, and flush at the end."""

    def __init__(self) -> None:
        self._markup = MarkupFilter()
        self._held = ""
        self._given_out = 0

    def feed(self, token: str) -> list[str]:
        """Take the next token and return the clauses that it completes."""
        clauses = []
        for char in self._markup.feed(token):
            if char.isspace() and self._ends(followed_by_space=True, line_ends=char == "\n"):
                clauses += self._give_out()
            elif not char.isspace() or (self._held and not self._held[-1].isspace()):
                self._held += " " if char.isspace() else char
        if self._ends(followed_by_space=False, line_ends=False):
            clauses += self._give_out()
        return clauses

    def flush(self) -> list[str]:
        """Return what is left when the answer is over."""
        self._held += self._markup.flush()
        return self._give_out()

    def _give_out(self) -> list[str]:
        # What closes a sentence that has been given out already ("." then '"') is no clause of its own.
        clause = self._held.strip()
        self._held = ""
        if not any(char.isalnum() for char in clause):
            return []
        self._given_out += 1
        clause = _LINK.sub(_address_in_words, clause)
        return [clause.lstrip(SENTENCE_MARKS + _CLAUSE_MARKS + _CLOSERS).lstrip() if self._given_out > 1 else clause]

    def _ends(self, *, followed_by_space: bool, line_ends: bool) -> bool:
        """Whether a clause ends with what is held."""
        bare = self._held.rstrip()
        if line_ends:
            return bool(bare)
        if bare != self._held and not followed_by_space:
            return False
        bare = bare.rstrip(_CLOSERS)
        if not bare:
            return False
        before = bare.rstrip(SENTENCE_MARKS + _CLAUSE_MARKS)
        if bare[-1] in SENTENCE_MARKS:
            return _sentence_ends(before, bare[len(before) :], followed_by_space=followed_by_space)
        if bare[-1] in _CLAUSE_MARKS:
            wanted = LATER_WORDS if self._given_out else FIRST_WORDS
            settled = followed_by_space or before[-1:].isalpha()
            return settled and len(before.split()) >= wanted
        return False


def _sentence_ends(before: str, marks: str, *, followed_by_space: bool) -> bool:
    """Whether `marks` (one or more of `.!?…`) after the text `before` end a sentence."""
    words = before.split()
    if not words:
        return False
    if not followed_by_space and ("://" in words[-1] or "@" in words[-1] or words[-1].lower().startswith("www")):
        return False
    if marks != ".":
        return True
    word = words[-1]
    if word[-1].isdigit():
        # "3." may become "3.14"; "1." alone numbers an item.
        return followed_by_space and len(words) > 1
    letters = _TRAILING_LETTERS.search(word)
    ending = letters.group() if letters else ""
    return len(ending) >= SPOKEN_SENTENCE_LETTERS and ending.lower() not in ABBREVIATIONS


def _address_in_words(link: re.Match[str]) -> str:
    """Say where a link leads: `https://www.shop.com/bikes` is `shop dot com`."""
    end = link.group()[-1] if link.group()[-1] in SENTENCE_MARKS + _CLAUSE_MARKS else ""
    return link.group(1).strip(".-").replace(".", " dot ") + end


class MarkupFilter:
    """Takes Markdown, fenced code and JSON objects out of a stream of tokens; keeps the words of links and emphasis."""

    def __init__(self) -> None:
        self._line_start = True
        self._ticks = 0
        self._fenced = False
        self._depth = 0
        self._bullet = ""
        self._after_link_text = False
        self._in_address = False

    def feed(self, token: str) -> str:
        """Return what of `token` is speech; an undecided character is held back."""
        return "".join(self._pass(char) for char in token)

    def flush(self) -> str:
        """Return what was held back."""
        held, self._bullet = self._bullet, ""
        return held

    def _pass(self, char: str) -> str:
        if char == "`":
            self._ticks += 1
            if self._ticks == len("```"):
                self._fenced = not self._fenced
            return ""
        self._ticks = 0
        if self._fenced or self._in_json(char) or self._in_link_address(char):
            return ""
        if self._bullet:
            bullet, self._bullet = self._bullet, ""
            return "" if char == " " else bullet + self._words(char)
        if self._line_start and char in "-+•":
            self._bullet = char
            self._line_start = False
            return ""
        return self._words(char)

    def _words(self, char: str) -> str:
        if self._line_start and char in "#>":
            return ""
        self._line_start = char == "\n" or (self._line_start and char.isspace())
        self._after_link_text = char == "]"
        if char == "|":
            return " "
        return "" if char in "*_[]~" or unicodedata.category(char) in _PICTURES else char

    def _in_json(self, char: str) -> bool:
        inside = self._depth > 0 or char == "{"
        self._depth += (char == "{") - (char == "}" and self._depth > 0)
        return inside

    def _in_link_address(self, char: str) -> bool:
        if self._after_link_text and char == "(":
            self._in_address = True
        self._after_link_text = self._after_link_text and self._in_address
        inside = self._in_address
        if inside and char == ")":
            self._in_address = self._after_link_text = False
        return inside
