"""The calendar of the demo shop: what is free, and what is done once for each key."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.tools import demo_appointments as calendar
from voicebot.tools.contract import ConnectorError, ToolContext

TUESDAY_AT_ELEVEN = {"service": "repair", "day": "2026-11-24", "time": "11:00"}


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "calendar.sqlite")


def asked(file: str, key: str = "") -> ToolContext:
    return ToolContext({"database": file}, key, 3.0)


def test_a_booked_time_is_no_longer_free(file: str) -> None:
    assert calendar.free_times({"day": "2026-11-24"}, asked(file))["times"] == [f"{hour}:00" for hour in range(11, 17)]
    booked = calendar.book(TUESDAY_AT_ELEVEN, asked(file, "call-1"))
    assert booked == {"outcome": "booked", "number": "70491", **TUESDAY_AT_ELEVEN}
    assert "11:00" not in str(calendar.free_times({"day": "2026-11-24"}, asked(file)))
    assert calendar.book(TUESDAY_AT_ELEVEN, asked(file, "call-2")) == {"outcome": "taken"}


def test_the_same_request_is_carried_out_once(file: str) -> None:
    first = calendar.book(TUESDAY_AT_ELEVEN, asked(file, "call-1"))
    assert calendar.book(TUESDAY_AT_ELEVEN, asked(file, "call-1")) == first
    cancelled = calendar.cancel({"number": "70491"}, asked(file, "call-2"))
    assert calendar.cancel({"number": "70491"}, asked(file, "call-2")) == cancelled
    assert calendar.cancel({"number": "70491"}, asked(file, "call-3"))["outcome"] == "not_found"


def test_an_appointment_is_moved_and_found(file: str) -> None:
    assert calendar.find({"number": "70421"}, asked(file))["time"] == "10:00"
    to = {"number": "70421", "day": "2026-11-21", "time": "09:00"}
    assert calendar.move(to, asked(file, "a"))["outcome"] == "moved"
    assert calendar.find({"number": "70421"}, asked(file))["day"] == "2026-11-21"
    assert calendar.move({**to, "number": "70428"}, asked(file, "b")) == {"outcome": "taken"}
    assert calendar.move({**to, "number": "1"}, asked(file, "c")) == {"outcome": "not_found"}
    assert calendar.find({"number": "1"}, asked(file)) == {"outcome": "not_found"}


@pytest.mark.parametrize(
    ("day", "outcome"),
    [("2026-11-25", "full"), ("2026-11-23", "closed"), ("2026-11-26", "closed"), ("2026-11-21", "free")],
)
def test_days(file: str, day: str, outcome: str) -> None:
    assert calendar.free_times({"day": day}, asked(file))["outcome"] == outcome


@pytest.mark.parametrize("arguments", [{"day": "Tuesday"}, {"day": 5}, {}])
def test_a_day_that_is_none_is_refused(file: str, arguments: dict[str, object]) -> None:
    with pytest.raises(ConnectorError):
        calendar.free_times(arguments, asked(file))


def test_a_service_that_is_none_is_refused_and_books_nothing(file: str) -> None:
    with pytest.raises(ConnectorError):
        calendar.book({**TUESDAY_AT_ELEVEN, "service": "magic"}, asked(file, "a"))
    assert "11:00" in str(calendar.free_times({"day": "2026-11-24"}, asked(file)))
