"""The workshop's calendar of the demo shop: free times, and appointments to book, find, move and cancel.

`database` in the settings of a connector names an SQLite file, which is made when it is not there; `:memory:` is a
calendar that lives as long as the process, so that a caller who books in one call can cancel in the next. What changes
something is done once for each idempotency key.
"""

from __future__ import annotations

import functools
import json
import sqlite3
import threading
from collections.abc import Callable, Mapping
from datetime import date
from importlib import resources
from typing import Final

from voicebot.core.events import Category
from voicebot.tools.contract import ConnectorError, ToolContext

NUMBER_STEP: Final = 7
"""From one appointment's number to the next, so that a wrong digit rarely names another."""

_LOCK: Final = threading.Lock()
"""Connectors run on threads of their own; the calendar is written by one at a time."""

Result = Mapping[str, object]
Change = Callable[[sqlite3.Connection, Mapping[str, object]], Result]


def free_times(arguments: Mapping[str, object], context: ToolContext) -> Result:
    """Return the `times` that are free on `day` (ISO 8601); `outcome` is free, full or closed."""
    day = _text(arguments, "day")
    with _LOCK, _calendar(context) as calendar:
        hours = _hours(calendar, day)
        free = _free(calendar, day)
    return {"outcome": "free" if free else "full" if hours else "closed", "times": free}


def find(arguments: Mapping[str, object], context: ToolContext) -> Result:
    """Return the `service`, `day` and `time` of the appointment with a `number` of five digits."""
    with _LOCK, _calendar(context) as calendar:
        row = _appointment(calendar, _text(arguments, "number"))
    return row or {"outcome": "not_found"}


def book(arguments: Mapping[str, object], context: ToolContext) -> Result:
    """Book a `service` on `day` at `time`; `outcome` is booked, with its `number`, or taken."""
    return _once(context, _book, arguments)


def move(arguments: Mapping[str, object], context: ToolContext) -> Result:
    """Move the appointment `number` to `day` at `time`; `outcome` is moved, taken or not_found."""
    return _once(context, _move, arguments)


def cancel(arguments: Mapping[str, object], context: ToolContext) -> Result:
    """Cancel the appointment `number`; `outcome` is cancelled or not_found."""
    return _once(context, _cancel, arguments)


def _book(calendar: sqlite3.Connection, arguments: Mapping[str, object]) -> Result:
    service, day, time = (_text(arguments, name) for name in ("service", "day", "time"))
    if time not in _free(calendar, day):
        return {"outcome": "taken"}
    (last,) = calendar.execute("SELECT max(CAST(number AS INTEGER)) FROM appointments").fetchone()
    number = str(last + NUMBER_STEP)
    try:
        calendar.execute("INSERT INTO appointments VALUES (?, ?, ?, ?)", (number, service, day, time))
    except sqlite3.IntegrityError as error:
        raise ConnectorError(Category.REJECTED, permanent=True, detail="service is none of the workshop's") from error
    return {"outcome": "booked", "number": number, "service": service, "day": day, "time": time}


def _move(calendar: sqlite3.Connection, arguments: Mapping[str, object]) -> Result:
    number, day, time = (_text(arguments, name) for name in ("number", "day", "time"))
    if _appointment(calendar, number) is None:
        return {"outcome": "not_found"}
    if time not in _free(calendar, day):
        return {"outcome": "taken"}
    calendar.execute("UPDATE appointments SET day = ?, time = ? WHERE number = ?", (day, time, number))
    return {"outcome": "moved", "number": number, "day": day, "time": time}


def _cancel(calendar: sqlite3.Connection, arguments: Mapping[str, object]) -> Result:
    number = _text(arguments, "number")
    found = calendar.execute("DELETE FROM appointments WHERE number = ?", (number,)).rowcount
    return {"outcome": "cancelled" if found else "not_found", "number": number}


def _once(context: ToolContext, change: Change, arguments: Mapping[str, object]) -> Result:
    """Change the calendar, or return what the same request came to before."""
    with _LOCK, _calendar(context) as calendar:
        done = calendar.execute("SELECT result FROM done WHERE key = ?", (context.key,)).fetchone()
        if done is not None:
            before: Result = json.loads(done[0])
            return before
        result = change(calendar, arguments)
        if context.key:
            calendar.execute("INSERT INTO done VALUES (?, ?)", (context.key, json.dumps(result)))
    return result


def _appointment(calendar: sqlite3.Connection, number: str) -> dict[str, object] | None:
    row = calendar.execute("SELECT service, day, time FROM appointments WHERE number = ?", (number,)).fetchone()
    return None if row is None else {"outcome": "found", "service": row[0], "day": row[1], "time": row[2]}


def _hours(calendar: sqlite3.Connection, day: str) -> range:
    """Return the hours at which an appointment may begin."""
    try:
        weekday = date.fromisoformat(day).weekday()
    except ValueError as error:
        raise ConnectorError(Category.REJECTED, permanent=True, detail="day must be a date, as 2026-11-24") from error
    row = calendar.execute("SELECT first, last FROM exceptions WHERE day = ?", (day,)).fetchone()
    row = row or calendar.execute("SELECT first, last FROM openings WHERE weekday = ?", (weekday,)).fetchone()
    return range(0) if row is None or row[0] is None else range(row[0], row[1] + 1)


def _free(calendar: sqlite3.Connection, day: str) -> list[str]:
    taken = {time for (time,) in calendar.execute("SELECT time FROM appointments WHERE day = ?", (day,))}
    return [time for time in (f"{hour:02d}:00" for hour in _hours(calendar, day)) if time not in taken]


def _text(arguments: Mapping[str, object], name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str):
        raise ConnectorError(Category.REJECTED, permanent=True, detail=f"{name} must be a string")
    return value


def _calendar(context: ToolContext) -> sqlite3.Connection:
    """Return the calendar; leaving its `with` commits, or rolls back what an error interrupted."""
    return _opened(context.settings.get("database") or ":memory:")


@functools.cache
def _opened(database: str) -> sqlite3.Connection:
    calendar = sqlite3.connect(database, check_same_thread=False)
    if not calendar.execute("SELECT 1 FROM sqlite_master WHERE name = 'appointments'").fetchone():
        calendar.executescript(resources.files(__package__).joinpath("demo_appointments.sql").read_text("utf-8"))
    return calendar
