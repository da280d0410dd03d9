"""The fact gate: may a sentence be spoken, and where are its facts from?

A pure function of the sentence and of what is known at this moment. Figures need a value of the same kind whose name
fits what the sentence speaks of; claims that something was done need a result that says so; names need to have been
heard or written somewhere. What has no evidence makes the whole sentence unspeakable.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import combinations
from typing import Final

from voicebot.safety import fact_claims
from voicebot.safety.fact_claims import BASES, STATES, Claim, asks, claims, groups_in
from voicebot.safety.fact_done import says_so
from voicebot.safety.fact_evidence import (
    DialplanFacts,
    Entry,
    Record,
    content,
    entries_of,
    forms_of,
    parsed,
    plain,
    stems,
)
from voicebot.safety.fact_hours import HoursCheck, about_hours, other_matter
from voicebot.safety.fact_names import names
from voicebot.safety.fact_place import DAY_NAMES, NUMBER_WORDS, PRICE_WORDS, Place, neighbours
from voicebot.safety.fact_words import Fact, facts, says_free

_IDS: Final = frozenset({"digits", "email", "code", "web"})
_DAYS: Final = frozenset({"weekday", "date", "relative", "time", "monthday", "month"})
_LEAST_ID: Final = 4
_SHARED: Final = 3
"""Words that a sentence has in common with a note that it repeats."""
_ECHO: Final = re.compile(
    r"\b(?:you (?:said|asked|mentioned|want|wanted|would like|are looking|gave|need|told|meant|are asking|"
    r"are calling|have asked)|i (?:heard|understood|understand)|"
    r"did you|do you mean|to confirm|let me (?:repeat|confirm|make sure|look|check|see)|shall i|should i|"
    r"would you like|i can not find|i do not (?:find|see|have)|can not see)\b"
)
_PAST: Final = re.compile(r"\b(?:was|were|has been|have been|had|did|\w{3,}ed)\b")
_TO_COME: Final = re.compile(r"\b(?:arrives?|ready|ships|eta|next|due|expected|leaves|comes)\b")
_HELP: Final = re.compile(r"\b(?:help|assist|do for) \w*.*\btoday\b|\btoday\W*\?$")


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when a sentence is to be spoken. Texts are in the order in which they were said."""

    caller: str
    now: datetime
    earlier: tuple[str, ...] = ()
    """What the caller said in earlier turns."""
    heard: tuple[str, ...] = ()
    """What the caller heard the bot say before this turn."""
    said: str = ""
    """What of this answer has passed."""
    records: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` names what has no evidence; empty when the sentence may be spoken."""

    evidence: tuple[str, ...] = ()
    reason: str = ""


class FactGate:
    """The gate of one dialplan; keeps nothing between sentences."""

    def __init__(self, plan: DialplanFacts) -> None:
        self._plan = plan

    def judge(self, sentence: str, known: Situation) -> Verdict:
        """Judge one sentence."""
        return _Judgement(self._plan, sentence, known).verdict()

    def states(self, text: str) -> bool:
        """Whether a part of a sentence states anything that needs evidence."""
        known = Situation("", datetime.now(self._plan.zone))
        return bool(_Judgement(self._plan, text, known).verdict().reason) or bool(facts(text) or about_hours(text))


class _Judgement:
    def __init__(self, plan: DialplanFacts, sentence: str, known: Situation) -> None:
        self._plan = plan
        self._text = sentence
        self._known = known
        self._asks = asks(sentence)
        self._facts = [self._dated(fact) for fact in facts(sentence)]
        self._place = Place(sentence, self._facts)
        self._evidence: list[str] = []
        self._records = self._in_scope()
        self._entries = [
            entry
            for number, record in self._records
            for part in (parsed(record.result), parsed(record.arguments))
            for entry in entries_of(part, f"tool:{record.name}", f"tool:{number}")
        ]

    def verdict(self) -> Verdict:
        said = plain(self._text)
        for source, saying in self._plan.sayings:
            if said and said == saying:
                return Verdict((source,) if source else ())
        reason = self._first_reason()
        return Verdict((), reason) if reason else Verdict(tuple(dict.fromkeys(self._evidence)))

    def _first_reason(self) -> str:
        if fact_claims.affirms(self._text) or fact_claims.denies(self._text):
            reason = self._affirmed()
            if reason:
                return reason
        return self._figures() or self._nothing_to_pay() or self._done() or self._names()

    # What was asked and is affirmed is stated.

    def _affirmed(self) -> str:
        asked = self._known.caller.strip().rstrip("?.! ")
        if not asked or not fact_claims.can_be_affirmed(asked):
            return ""
        if fact_claims.denies(self._text):
            return self._denied(asked)
        stated = _Judgement(self._plan, fact_claims.stated(asked), replace(self._known, caller="", earlier=()))
        ids = {form for text in (asked, *self._known.earlier) for form in forms_of(text) if _is_id(form)}
        stated._facts = [fact for fact in stated._facts if not ids & set(fact.forms)]
        reason = stated._figures() or stated._nothing_to_pay() or stated._done()
        self._evidence += stated._evidence
        return f"yes to {reason}" if reason else ""

    def _denied(self, asked: str) -> str:
        found = [claim for claim in claims(fact_claims.stated(asked)) if claim.how == "done"]
        wrong = next((claim for claim in found if not self._not_done(claim)), None)
        return f"no to {wrong.text}" if wrong is not None else ""

    # Figures, days, times.

    def _figures(self) -> str:
        open_facts = [fact for fact in self._facts if not self._by_entry(fact)]
        if any(fact.kind in _DAYS for fact in self._facts) or about_hours(self._text):
            reason, settled = self._by_hours(open_facts)
            if reason:
                return reason
            open_facts = [fact for fact in open_facts if fact not in settled]
        for fact in open_facts:
            if not (self._by_rate(fact) or self._by_text(fact) or self._by_caller(fact) or self._harmless(fact)):
                return f"{fact.kind} {self._text[fact.start : fact.end]}"
        return self._weekdays_of_dates()

    def _dated(self, fact: Fact) -> Fact:
        """Add to a day that counts from today which day that is."""
        ahead = {"today": 0, "tonight": 0, "tomorrow": 1, "day after tomorrow": 2, "yesterday": -1}
        ahead |= {"this morning": 0, "this afternoon": 0, "this evening": 0}
        if fact.kind != "relative" or fact.value not in ahead:
            return fact
        on = self._known.now.date() + timedelta(days=ahead[fact.value])
        day = (("date", f"{on:%m-%d}"), ("weekday", str(on.weekday())))
        return replace(fact, forms=(*fact.forms, *day))

    def _in_scope(self) -> list[tuple[int, Record]]:
        """Return the results that the sentence can be about: those of an order that it names, else the newest."""
        every = list(enumerate(self._known.records))
        named = {form for fact in self._facts for form in fact.forms if _is_id(form)}
        holders = [(n, record) for n, record in every if named & _ids_of(record)]
        if holders:
            return holders
        fresh = [(n, record) for n, record in every if record.fresh]
        asked = {form for form in forms_of(self._known.caller) if _is_id(form)}
        of_asked = [(n, record) for n, record in every if asked & _ids_of(record)]
        return fresh or of_asked or every[-1:]

    def _by_entry(self, fact: Fact) -> bool:
        forms = set(fact.forms)
        if fact.kind not in {"number", "time"} or not any(kind == "number" for kind, _ in forms):
            forms = {form for form in forms if form[0] != "raw"}
        ids = {form for form in forms if _is_id(form)}
        for entry in self._entries:
            if forms & entry.forms and (ids & entry.forms or self._fits_result(fact, entry, forms)):
                self._evidence.append(entry.source)
                return True
        for entry in self._plan.knowledge:
            if forms & entry.forms and (ids & entry.forms or self._fits_knowledge(fact, entry, forms)):
                self._evidence.append(entry.source)
                return True
        return False

    def _fits_result(self, fact: Fact, entry: Entry, forms: set[tuple[str, str]]) -> bool:
        """Whether a value of a result is not said of another of its values."""
        kinds = {kind for kind, _ in fact.forms}
        rivals = [
            other
            for other in self._entries
            if other.section == entry.section
            and not other.forms & forms
            and any(kind in kinds for kind, _ in other.forms)
        ]
        keys = frozenset(key for rival in rivals for key in rival.keys) | entry.keys
        nearest = self._place.nearest_key(fact, keys)
        if nearest and nearest not in entry.keys:
            return False
        left, right = self._place.part(fact)
        part = self._text.lower()[left:right]
        return bool(stems(part) & entry.keys) or not (_PAST.search(part) and _TO_COME.search(entry.path))

    def _fits_knowledge(self, fact: Fact, entry: Entry, forms: set[tuple[str, str]]) -> bool:
        """Whether a value that the dialplan knows is said of what it is the value of."""
        if neighbours(self._text, fact, entry.text):
            return True
        kinds = {kind for kind, _ in fact.forms}
        rivals = [
            other
            for other in self._plan.knowledge
            if not other.forms & forms and any(kind in kinds for kind, _ in other.forms)
        ]
        rival_keys = frozenset(key for rival in rivals for key in rival.keys) - entry.keys
        left, right = self._place.part(fact)
        low = self._text.lower()
        for words in (stems(low[left:right]), stems(low[:left]), stems(low[right:])):
            if words & (entry.keys | rival_keys):
                return self._best(entry, rivals, words)
        return self._topic_is(entry, rival_keys)

    def _best(self, entry: Entry, rivals: Sequence[Entry], words: frozenset[str]) -> bool:
        """Whether no rival's name fits the words better than the entry's."""

        def fits(each: Entry) -> int:
            return len(words & (each.keys | self._plan.sections.get(each.section, frozenset())))

        return bool(words & entry.keys) and all(fits(rival) <= fits(entry) for rival in rivals)

    def _topic_is(self, entry: Entry, rival_keys: frozenset[str]) -> bool:
        """Whether a sentence that names nothing itself goes on with what was spoken of before."""
        section = self._plan.sections.get(entry.section, frozenset())
        beyond = content(self._text) - PRICE_WORDS - section - content(self._known.caller) - content(entry.text)
        if any(re.search(r"[a-z]{3}", word) for word in beyond - NUMBER_WORDS):
            return False
        for topic in (self._known.said, self._known.caller, *reversed(self._known.heard[-1:])):
            words = stems(topic)
            if words & (entry.keys | rival_keys):
                return bool(words & entry.keys) and not words & rival_keys - section
        return False

    def _by_hours(self, open_facts: Sequence[Fact]) -> tuple[str, list[Fact]]:
        """Judge days and times as opening hours, if that is what they are."""
        settled = [
            f
            for f in self._facts
            if f.kind in {"weekday", "date", "time"} or (len(f.forms) > 1 and f.kind == "relative")
        ]
        if not about_hours(self._text) and not self._is_note():
            earlier = f"{self._known.said} {self._known.caller}"
            ours = about_hours(earlier) and not any(record.fresh for record in self._known.records)
            if not ours or other_matter(self._text) or not any(fact in settled for fact in open_facts):
                return "", []
        elif (self._asks and not open_facts) or (
            other_matter(self._text) and not any(fact in settled for fact in open_facts)
        ):
            return "", []
        topic = (
            self._known.said,
            self._known.caller,
            *reversed(self._known.heard[-2:]),
            *reversed(self._known.earlier[-2:]),
        )
        check = HoursCheck(self._plan, self._known.now.date(), topic)
        now = self._plan.hours.is_open(self._known.now.replace(tzinfo=None))
        found = [fact for fact in self._facts if fact in open_facts or fact.kind in {"weekday", "date", "relative"}]
        verdict = check.of(self._text, found, open_now=now)
        if verdict.reason and not self._asks:
            return verdict.reason, []
        if not verdict.reason:
            self._evidence += verdict.evidence
            numbers = [fact for fact in open_facts if any(kind == "time" for kind, _ in fact.forms)]
            return "", [*settled, *numbers]
        return "", []

    def _is_note(self) -> bool:
        """Whether the sentence says what is noted of some day."""
        words = content(self._text)
        notes = [day.note for day in (*self._plan.hours.week.values(), *self._plan.hours.exceptions.values())]
        return any(len(words & content(note)) >= _SHARED for note in notes)

    def _by_rate(self, fact: Fact) -> bool:
        """Whether it only says for which time an amount is: `25 dollars a day`."""
        unit = re.fullmatch(r"(?:a|an) (\w+)", self._text[fact.start : fact.end].lower())
        priced = any(
            other.kind in {"money", "number"} and self._text[other.end : fact.start].strip() in {"", "for"}
            for other in self._facts
            if other.end <= fact.start
        )
        if unit is None or not priced:
            return False
        used = set(self._evidence)
        return any(
            unit.group(1) in entry.path.split()
            for entry in (*self._plan.knowledge, *self._entries)
            if entry.source in used
        )

    def _by_text(self, fact: Fact) -> bool:
        """Whether the dialplan says it in a phrase about the same thing."""
        words = content(self._text)
        for entry in self._plan.texts:
            shared = (words & entry.keys) - NUMBER_WORDS - DAY_NAMES
            wanted = _SHARED - 1 if fact.kind in _DAYS | {"money", "percent"} else 1
            if set(fact.forms) & entry.forms and len(shared) >= wanted:
                self._evidence.append(entry.source)
                return True
        return False

    def _by_caller(self, fact: Fact) -> bool:
        """Whether it only repeats the caller. A value that means something needs a sentence that says it repeats."""
        said = {form for text in (self._known.caller, *self._known.earlier) for form in forms_of(text)}
        if not said & set(fact.forms) and not self._dictated(fact):
            return False
        means = not any(_is_id(form) for form in fact.forms if form in said) and not self._dictated(fact)
        if means and not self._asks and not _ECHO.search(fact_claims.expanded(self._text)):
            return False
        self._evidence.append("caller")
        return True

    def _dictated(self, fact: Fact) -> bool:
        """Whether the caller said a number in two parts, the second of which may correct the end of the first."""
        number = next((value for kind, value in fact.forms if kind == "digits" and len(value) >= _LEAST_ID), "")
        parts = [
            "".join(value for kind, value in each.forms if kind == "digits")
            or next((value for kind, value in each.forms if kind in {"number", "time"}), "")
            for text in (*self._known.earlier, self._known.caller)
            for each in facts(text)
        ]
        return bool(number) and any(
            number in {first + second, first[: len(number) - len(second)] + second}
            for first, second in combinations([part for part in parts if part.isdigit()], 2)
        )

    def _harmless(self, fact: Fact) -> bool:
        if fact.kind == "relative" and fact.value in {"today", "this morning", "this afternoon", "this evening"}:
            return self._asks or bool(_HELP.search(self._text.lower()))
        return False

    def _weekdays_of_dates(self) -> str:
        """Return a date that is not on the weekday that is said with it."""
        for day, on in zip(self._facts, self._facts[1:], strict=False):
            pair = (day, on) if day.kind == "weekday" else (on, day)
            if {day.kind, on.kind} != {"weekday", "date"} or on.start - day.end > 4:  # noqa: PLR2004 - a comma, `the`
                continue
            both = {("date", pair[1].value), ("weekday", pair[0].value)}
            if any(both <= entry.forms for entry in self._entries):
                continue
            found = HoursCheck(self._plan, self._known.now.date(), ())._dates(pair[1])  # noqa: SLF001
            if found and str(found[0].weekday()) != pair[0].value:
                return f"weekday {self._text[pair[0].start : pair[0].end]}"
        return ""

    # Nothing to pay.

    def _nothing_to_pay(self) -> str:
        match = says_free(fact_claims.expanded(self._text))
        if match is None or self._asks:
            return ""
        words = stems(self._text) | stems(self._known.caller)
        values = {form for fact in self._facts for form in fact.forms}
        for entry in (*self._entries, *self._plan.knowledge):
            free = "free" in entry.text.lower() or entry.forms & {("money", "0")} or stems("free") & entry.keys
            if not free or entry.text.lower() == "false":
                continue
            threshold = (
                stems("free") & entry.keys and entry.text.lower() != "true" and ("money", "0") not in entry.forms
            )
            if (entry.forms & values) if threshold else ((entry.keys - stems("free")) & words):
                self._evidence.append(entry.source)
                return ""
        for entry in self._plan.texts:
            if says_free(entry.text) and content(entry.text) & content(self._text):
                self._evidence.append(entry.source)
                return ""
        return f"free: {match.group()}"

    # What was done.

    def _done(self) -> str:
        for claim in claims(self._text):
            supported = {"done": self._was_done, "will": self._will_be, "not": self._not_done}[claim.how]
            if not supported(claim):
                return f"claim: {claim.text}"
        return ""

    def _was_done(self, claim: Claim) -> bool:
        if claim.group == "look":
            return bool(self._known.records) or self._of_dialplan()
        for _, record in self._records:
            if says_so(claim, record):
                self._evidence.append(f"tool:{record.name}")
                return True
        general = re.search(
            r"\b(?:an?|every|each) \w+ (?:is|gets)\b|\b(?:orders|bicycles|bikes|packages|refunds|appointments|"
            r"repairs|returns)\b",
            self._text.lower(),
        )
        return bool(general and self._of_dialplan())

    def _of_dialplan(self) -> bool:
        return any(source.startswith("dialplan:") for source in self._evidence)

    def _will_be(self, claim: Claim) -> bool:
        bases = stems(f"{claim.group} {BASES.get(claim.group, '')} {claim.text}") - content("i we will be going")
        for entry in self._entries:
            if entry.keys & bases or (entry.source and groups_in(entry.text) & {claim.group}):
                if claim.own and claim.group not in STATES | {"ship"} and not any(r.acts for _, r in self._records):
                    continue
                self._evidence.append(entry.source)
                return True
        return claim.group in STATES and self._of_dialplan()

    def _not_done(self, claim: Claim) -> bool:
        """Whether nothing says the contrary; of a state, whether something says another one."""
        if any(says_so(replace(claim, own=False), record) for _, record in self._records):
            return False
        return bool(self._records) if claim.group in STATES or claim.group == "pay" else True

    # Names.

    def _names(self) -> str:
        heard = " ".join((self._known.caller, *self._known.earlier, *(r.result for r in self._known.records)))
        heard += " ".join(record.arguments for record in self._known.records)
        known = self._plan.vocabulary | frozenset(re.findall(r"[a-z]+(?:'[a-z]+)?", heard.lower()))
        unknown = names(self._text, known)
        return f"name {unknown[0]}" if unknown else ""


def _is_id(form: tuple[str, str]) -> bool:
    kind, value = form
    return kind in _IDS and len(value) >= _LEAST_ID


def _ids_of(record: Record) -> set[tuple[str, str]]:
    return {form for text in (record.arguments, record.result) for form in forms_of(text) if _is_id(form)}
