"""Dates, times of day and amounts as people say them."""

from __future__ import annotations

from datetime import date

import pytest

from voicebot.brain.playbook.amounts import amount_in
from voicebot.brain.playbook.clock import time_in
from voicebot.brain.playbook.dates import date_in
from voicebot.dialplan.rules import normalised
from voicebot.dialplan.templates import Value, render

FRIDAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("next Tuesday", "2026-11-24"),
        ("on Tuesday please", "2026-11-24"),
        ("Friday", "2026-11-20"),
        ("next Friday", "2026-11-27"),
        ("Tuesday next week", "2026-11-24"),
        ("next week on Friday", "2026-11-27"),
        ("a week from Monday", "2026-11-30"),
        ("a week from today", "2026-11-27"),
        ("two weeks from tomorrow", "2026-12-05"),
        ("in two weeks", "2026-12-04"),
        ("in 3 days", "2026-11-23"),
        ("today", "2026-11-20"),
        ("this afternoon", "2026-11-20"),
        ("tomorrow", "2026-11-21"),
        ("the day after tomorrow", "2026-11-22"),
        ("the third of December", "2026-12-03"),
        ("Thursday the 3rd of December", "2026-12-03"),
        ("December 3", "2026-12-03"),
        ("December the twenty first", "2026-12-21"),
        ("the fifth of January", "2027-01-05"),
        ("the 24th", "2026-11-24"),
        ("on the first", "2026-12-01"),
        ("the thirty first", "2026-12-31"),
        ("2026-12-24", "2026-12-24"),
        ("the first one", None),
        ("February 30", None),
        ("may I ask something", None),
        ("two days", None),
        ("2026-13-40", None),
    ],
)
def test_a_date(text: str, day: str | None) -> None:
    found = date_in(normalised(text), FRIDAY)
    assert (found and found.value) == day


@pytest.mark.parametrize(
    ("text", "unasked", "asked"),
    [
        ("half past ten", "10:30", "10:30"),
        ("three in the afternoon", "15:00", "15:00"),
        ("ten thirty", "10:30", "10:30"),
        ("10:30 am", "10:30", "10:30"),
        ("14:30", "14:30", "14:30"),
        ("quarter to four", "15:45", "15:45"),
        ("five past nine in the morning", "09:05", "09:05"),
        ("at three", "15:00", "15:00"),
        ("3 p.m.", "15:00", "15:00"),
        ("eleven o'clock", "11:00", "11:00"),
        ("twelve", None, "12:00"),
        ("noon", "12:00", "12:00"),
        ("eight in the evening", "20:00", "20:00"),
        ("ten", None, "10:00"),
        ("ten or eleven", None, None),
        ("order 48213", None, None),
        ("whenever", None, None),
    ],
)
def test_a_time(text: str, unasked: str | None, asked: str | None) -> None:
    turn = normalised(text)
    for found, value in ((time_in(turn), unasked), (time_in(turn, asked=True), asked)):
        assert (found and found.value) == value


def test_an_ambiguous_time_is_one_of_those_on_offer() -> None:
    assert [found and found.value for found in (time_in("at seven", ["07:00"]), time_in("at seven"))] == [
        "07:00",
        "19:00",
    ]


@pytest.mark.parametrize(
    ("text", "unasked", "asked"),
    [
        ("twenty five dollars", "25.00", "25.00"),
        ("$12.50", None, "12.50"),
        ("19 dollars and 99 cents", "19.99", "19.99"),
        ("a hundred and twenty dollars", "120.00", "120.00"),
        ("two thousand five hundred euros", "2500.00", "2500.00"),
        ("fifty cents", "0.50", "0.50"),
        ("12.50 dollars", "12.50", "12.50"),
        ("about forty", None, "40.00"),
        ("nothing", None, None),
    ],
)
def test_an_amount(text: str, unasked: str | None, asked: str | None) -> None:
    turn = normalised(text)
    for found, value in ((amount_in(turn, asked=False), unasked), (amount_in(turn, asked=True), asked)):
        assert (found and found.value) == value


def test_dates_times_and_lists_are_spoken_like_people_say_them() -> None:
    times = ("10:00", "12:00", "14:30")
    values: dict[str, Value] = {"day": "2026-11-24", "times": times, "one": ("09:00",), "what": "tune_up"}
    text = render("{day:date}: {times:time}, {one:time}, a {what:words}", values, "USD")
    assert text == "Tuesday, November 24: 10 AM, noon or 2:30 PM, 9 AM, a tune up"
    assert render("{day:date} {day:time}", {"day": "soon"}, "USD") == "soon soon"
