"""What is sensitive never leaves the vault, however it is said; order numbers stay."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.core.digits import digit_runs
from voicebot.core.policy import Dtmf
from voicebot.safety.dtmf import MAX_DIGITS, DtmfRun
from voicebot.safety.redaction import luhn_valid
from voicebot.safety.vault import Vault

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("my card is four one one one, one one one one, one one one one, one one one one", "my card is [CARD#1]"),
        ("it's 4111 1111 1111 1111 thanks", "it's [CARD#1] thanks"),
        ("4111-1111-1111-1111", "[CARD#1]"),
        ("my phone number is five oh three five five five oh one nine nine", "my phone number is [PHONE#1]"),
        ("call me at 555 0199", "call me at [PHONE#1]"),
        ("my email is john dot smith at gmail dot com", "my email is [EMAIL#1]"),
        ("write to a.b@c.org please", "write to [EMAIL#1] please"),
        ("my email is j smith at example com", "my email is [EMAIL#1]"),
        ("it's J. Smith at mail.example.com.", "it's [EMAIL#1]."),
        ("jane underscore doe at example org thanks", "[EMAIL#1] thanks"),
        ("I am at example street", "I am at example street"),
        ("meet me at nine", "meet me at nine"),
        ("look at the com port", "look at the com port"),
        ("we are at home", "we are at home"),
        ("my password is hunter2", "my password is [PASSWORD#1]"),
        ("the password is hunter two, thanks", "the password is [PASSWORD#1], thanks"),
        ("password is capital h u n t e r 2", "password is [PASSWORD#1]"),
        ("my pass phrase is: swordfish and my order is 48213", "my pass phrase is: [PASSWORD#1] and my order is 48213"),
        ("my password is four three two one", "my password is [PIN#1]"),
        ("my password is not working", "my password is not working"),
        ("the password is wrong", "the password is wrong"),
        ("my password is what I forgot", "my password is what I forgot"),
        ("the password is a secret of mine", "the password is a secret of mine"),
        ("I lost my password yesterday", "I lost my password yesterday"),
        ("the security code is one two three", "the security code is [CVV#1]"),
        ("my pin is 4321", "my pin is [PIN#1]"),
        ("4321 is my pin", "[PIN#1] is my pin"),
        ("41111111", "[NUMBER#1]"),
        ("order four eight two one three please", "order four eight two one three please"),
        ("order 48213 and my card is 4111", "order 48213 and my card is [CARD#1]"),
        ("I have two kids and one dog", "I have two kids and one dog"),
        ("meet me at ten thirty on june twenty one", "meet me at ten thirty on june twenty one"),
        ("shipped on 2026-11-24", "shipped on 2026-11-24"),
        ("", ""),
    ],
)
def test_what_people_say(text: str, redacted: str) -> None:
    vault = Vault((5,))
    assert vault.redact(text) == redacted
    assert Vault((5,)).redact(redacted) == redacted, "what is redacted stays as it is"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("my email is j smith at example com", "jsmith@example.com"),
        ("J. Smith at mail dot example dot com", "jsmith@mail.example.com"),
        ("jane underscore doe at example org", "jane_doe@example.org"),
        ("my password is hunter2", "hunter2"),
    ],
)
def test_a_connector_gets_what_was_meant(text: str, value: str) -> None:
    vault = Vault()
    assert vault.reveal(vault.redact(text).rpartition(" ")[2]) == value


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("four eight two one three", "48213"),
        ("48 2 13", "48213"),
        ("forty eight two thirteen", "48213"),
        ("forty-eight two-thirteen", "48213"),
        ("double four triple one", "44111"),
        ("four ate to one three", "48213"),
        ("five one nine oh seven", "51907"),
        ("oh eight hundred", "0800"),
        ("four hundred eleven", "411"),
    ],
)
def test_digits_in_any_shape(text: str, digits: str) -> None:
    assert [run.digits for run in digit_runs(text)] == [digits]


def test_homophones_alone_are_words() -> None:
    assert digit_runs("it is for you to say oh I ate too") == ()


def test_a_subject_without_digits_waits_for_them() -> None:
    vault = Vault()
    assert vault.redact("my pin is") == "my pin is"
    assert vault.redact("four three") == "four three"
    assert vault.redact("four three two one") == "[PIN#1]"
    assert vault.redact("order 4321") == "order 4321"


def test_one_value_has_one_token_and_only_connectors_see_it() -> None:
    vault = Vault()
    first = vault.redact("card 4111 1111 1111 1111")
    assert vault.redact("I said four one one one one one one one one one one one one one one one") == "I said [CARD#1]"
    assert first == "card [CARD#1]"
    assert vault.reveal('{"card":"[CARD#1]","other":"[CARD#2]"}') == '{"card":"4111111111111111","other":"[CARD#2]"}'
    assert "4111" not in repr(vault)
    assert vault.counts() == {"CARD": 1}


def test_json_stays_json() -> None:
    vault = Vault((5,))
    redacted = vault.redact_json('{"card":4111111111111111,"order":48213,"day":"2026-11-24","list":[1,2,3,4,5,6,7]}')
    assert json.loads(redacted) == {
        "card": "[CARD#1]",
        "order": 48213,
        "day": "2026-11-24",
        "list": [1, 2, 3, 4, 5, 6, 7],
    }


@st.composite
def card_numbers(draw: st.DrawFn) -> str:
    body = draw(st.text("0123456789", min_size=12, max_size=18))
    return next(body + check for check in "0123456789" if luhn_valid(body + check))


@given(
    number=card_numbers(),
    spelled=st.lists(st.booleans(), min_size=19, max_size=19),
    gap=st.sampled_from([" ", ", ", "-", " um "]),
)
def test_no_card_number_survives(number: str, spelled: list[bool], gap: str) -> None:
    said = gap.join(WORDS[int(digit)] if word else digit for digit, word in zip(number, spelled, strict=False))
    vault = Vault((5,))
    redacted = vault.redact(f"well it is {said} okay")
    assert redacted == "well it is [CARD#1] okay"
    assert vault.reveal(redacted) == f"well it is {number} okay"


@given(st.text(max_size=200))
def test_any_text_is_redacted_once_and_for_all(text: str) -> None:
    once = Vault().redact(text)
    assert all(len(run.digits) < 7 for run in digit_runs(once) if not re.search(r"\d{4}-\d\d-\d\d", once))
    assert Vault().redact(once) == once or "[" in text


def test_a_run_of_keys_ends_by_hash_time_or_length() -> None:
    run = DtmfRun(Vault((5,)), (5,))
    assert (run.due_ms, run.take(0)) == (None, "")
    for now_ms, key in enumerate("48213"):
        run.digit(key, now_ms)
    assert run.due_ms == 4 + 1000
    assert run.take(3 + 1000) == ""
    assert run.take(4 + 1000) == "48213"
    run.digit("1", 0)
    assert run.due_ms == 3000
    run.digit("#", 100)
    assert run.take(100) == "1"
    run.digit("7", 0)
    run.digit("*", 1)
    assert run.due_ms is None
    run.digit("A", 2)
    assert run.due_ms is None
    for _ in range(MAX_DIGITS):
        run.digit("4", 5)
    assert run.take(5) == "[NUMBER#1]"


def test_a_card_typed_on_keys_is_a_token() -> None:
    run = DtmfRun(Vault())
    for key in "4111111111111111#":
        run.digit(key, 0)
    assert run.take(0) == "[CARD#1]"


def test_a_run_that_fills_what_was_asked_for_is_over_at_once() -> None:
    run = DtmfRun(Vault((5,)), (5,))
    for now_ms, key in enumerate("48213"):
        run.digit(key, now_ms, 5)
    assert run.take(4) == "48213"
    run.digit("1", 100, 1)
    assert run.take(100) == "1"
    run.digit("1", 200, 3)
    assert run.due_ms == 200 + 3000
    run.digit("2", 300, 1)
    assert run.take(300) == "12", "what was asked may have changed meanwhile"


def test_the_times_of_a_run_are_the_dialplans() -> None:
    run = DtmfRun(Vault((5,)), (5,), Dtmf(inter_digit_ms=2000, settled_ms=500))
    run.digit("4", 0)
    assert run.due_ms == 2000
    for key in "8213":
        run.digit(key, 100)
    assert run.due_ms == 600


def test_a_key_of_the_menu_is_a_whole_run_where_nothing_was_asked() -> None:
    run = DtmfRun(Vault((5,)), (5,), Dtmf(menu="01"))
    run.digit("0", 0, at_menu=True)
    assert run.take(0) == "0"
    run.digit("0", 100)
    assert run.due_ms == 3100, "a number may begin with it"
    run.digit("1", 200, at_menu=True)
    assert run.due_ms == 3200, "nor is it whole after another key"
    run.digit("*", 300)
    run.digit("4", 400, at_menu=True)
    assert run.due_ms == 3400


def test_keys_typed_ahead_are_over_once_their_question_is_asked() -> None:
    run = DtmfRun(Vault((5,)), (5,))
    run.asked(1, 0)
    assert run.due_ms is None
    run.digit("2", 0)
    run.asked(0, 100)
    run.asked(5, 100)
    assert run.due_ms == 3000
    run.asked(1, 200)
    assert run.take(200) == "2"
