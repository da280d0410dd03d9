"""What is written, and how it is read out."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voicebot.tts.spoken import spoken

CASES = (
    # Digit strings and codes
    ("48213", "four eight two one three"),
    ("Order 48213 is here.", "Order four eight two one three is here."),
    ("Your order number is 482.", "Your order number is four eight two."),
    ("Order #482 left.", "Order number four eight two left."),
    ("Order number #482 left.", "Order number four eight two left."),
    ("Your code is 0071.", "Your code is zero zero seven one."),
    ("Agent 007", "Agent zero zero seven"),
    ("AB-48213", "A B four eight two one three"),
    ("Ticket AB12CD.", "Ticket A B one two C D."),
    ("flight UA482", "flight U A four eight two"),
    ("Gate B7, seat 12C", "Gate B seven, seat one two C"),
    ("an MP3 on A4 paper", "an M P three on A four paper"),
    ("after COVID-19", "after COVID nineteen"),
    ("Room 12", "Room twelve"),
    ("room 412", "room four one two"),
    ("No. 5 and #6", "number five and number six"),
    ("version 1.2.3", "version one dot two dot three"),
    # Telephone numbers
    ("Call 555-0199 now.", "Call five five five, zero one nine nine now."),
    ("Call 415-555-0132.", "Call four one five, five five five, zero one three two."),
    ("(415) 555-0132", "four one five, five five five, zero one three two"),
    ("+1 202 555 0199", "plus one, two zero two, five five five, zero one nine nine"),
    ("1-800-555-0199", "one, eight zero zero, five five five, zero one nine nine"),
    ("415.555.0132", "four one five, five five five, zero one three two"),
    # Times of day
    ("at 9:30 am", "at nine thirty AM"),
    ("9:30", "nine thirty"),
    ("9:05 PM", "nine oh five PM"),
    ("17:00", "five PM"),
    ("17:45", "five forty five PM"),
    ("09:00", "nine AM"),
    ("9:00", "nine o'clock"),
    ("12:00", "twelve o'clock"),
    ("00:15", "twelve fifteen AM"),
    ("9am", "nine AM"),
    ("9 a.m. to 5 p.m.", "nine AM to five PM."),
    ("It opens at 9 a.m. Then it fills up.", "It opens at nine AM. Then it fills up."),
    ("9am-5pm", "nine AM to five PM"),
    ("10:30-11:45", "ten thirty to eleven forty five"),
    # Dates and years
    ("2026-12-25", "December twenty fifth, twenty twenty six"),
    ("12/25/2026", "December twenty fifth, twenty twenty six"),
    ("25/12/2026", "December twenty fifth, twenty twenty six"),
    ("12/25", "December twenty fifth"),
    ("25/12", "December twenty fifth"),
    ("1/5/26", "January fifth, twenty twenty six"),
    ("Dec 25", "December twenty fifth"),
    ("Dec. 25", "December twenty fifth"),
    ("on December 1st", "on December first"),
    ("June 5, 2026", "June fifth, twenty twenty six"),
    ("the 5 June offer", "the June fifth offer"),
    ("May 2026", "May twenty twenty six"),
    ("in 2026", "in twenty twenty six"),
    ("since 1905", "since nineteen oh five"),
    ("In 2005 and 2010", "In two thousand five and twenty ten"),
    ("from 2024-2026", "from twenty twenty four to twenty twenty six"),
    ("the 1990s", "the nineteen nineties"),
    ("13/13", "thirteen/thirteen"),
    # Money
    ("$14.50", "fourteen dollars and fifty cents"),
    ("$1", "one dollar"),
    ("$0.99", "ninety nine cents"),
    ("$12500, or $3.50.", "twelve thousand five hundred dollars, or three dollars and fifty cents."),
    ("$1,250.01", "one thousand two hundred fifty dollars and one cent"),
    ("\u00a33.20", "three pounds and twenty pence"),
    ("\u20ac20", "twenty euros"),
    ("20\u20ac", "twenty euros"),
    ("14.50 USD", "fourteen dollars and fifty cents"),
    ("EUR 5", "five euros"),
    ("-$5", "minus five dollars"),
    ("$1.5 million", "one point five million dollars"),
    ("$5-10", "five dollars to ten dollars"),
    ("$5-$10", "five dollars to ten dollars"),
    ("$5/month", "five dollars per month"),
    # Quantities, percentages, units, ranges, ordinals
    ("250 people", "two hundred fifty people"),
    ("1200 people", "one thousand two hundred people"),
    ("1,250,000", "one million two hundred fifty thousand"),
    ("15%", "fifteen percent"),
    ("2.5 %", "two point five percent"),
    ("3.14159", "three point one four one five nine"),
    ("-5\u00b0C", "minus five degrees Celsius"),
    ("1 kg", "one kilogram"),
    ("2.5kg", "two point five kilograms"),
    ("30 km", "thirty kilometers"),
    ("65 mph", "sixty five miles per hour"),
    ("9-5", "nine to five"),
    ("3\u20135 days", "three to five days"),
    ("10-15%", "ten to fifteen percent"),
    ("a 7-day week", "a seven-day week"),
    ("24/7", "twenty four seven"),
    ("1/2", "one half"),
    ("5/6", "five slash six"),
    ("the 22nd", "the twenty second"),
    ("4 dollars and 95 cents", "four dollars and ninety five cents"),
    # Abbreviations and addresses
    ("Dr. Smith", "Doctor Smith"),
    ("12 Main St. is open.", "twelve Main Street is open."),
    ("Ask Dr. Jones.", "Ask Doctor Jones."),
    ("St. Mary", "Saint Mary"),
    ("On Oak Ave.", "On Oak Avenue."),
    ("Mr. and Mrs. Hill", "Mister and Missus Hill"),
    ("fruit, e.g. apples", "fruit, for example apples"),
    ("approx. 3 days", "approximately three days"),
    ("Mon-Fri", "Monday to Friday"),
    ("Monday \u2013 Friday", "Monday to Friday"),
    ("help@harborlane.com", "help at harborlane dot com"),
    ("j.doe_2@my-shop.co.uk.", "j dot doe underscore two at my dash shop dot co dot U K."),
    ("www.harborlane.com", "W W W dot harborlane dot com"),
    ("See https://harborlane.com/returns.", "See harborlane dot com slash returns."),
    # What is in words already, or no number
    ("Order four, eight, two is on its way.", "Order four, eight, two is on its way."),
    ("Thanks. Anything else?", "Thanks. Anything else?"),
    ("I may go. No. Never.", "I may go. No. Never."),
    ("", ""),
)  # fmt: skip


@pytest.mark.parametrize(("written", "said"), CASES)
def test_it_is_read_out_as_people_say_it(written: str, said: str) -> None:
    assert spoken(written) == said


@pytest.mark.parametrize("written", [written for written, _ in CASES])
def test_what_was_read_out_once_stays(written: str) -> None:
    once = spoken(written)
    assert spoken(once) == once


WRITTEN = """
9 30 2026 48213 1,250 .50 : - / $ \u20ac % # @ . , am p.m. kg Dec May Dr. St. No. Main AB x www. .com https:// in order
st th +1 (415) 555-0132 Mon Fri e.g. etc. s k USD \u2013 ' \u00b0C
"""
FRAGMENTS = (*WRITTEN.split(), " ")


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=9).map("".join) | st.text(max_size=30))
@example("1-1/1-1")
def test_whatever_is_written_it_ends_in_words_and_stays_so(text: str) -> None:
    once = spoken(text)
    assert not re.search("[0-9]", once)
    assert spoken(once) == once
