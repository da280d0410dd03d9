"""The days that callers speak of: those of the week, today and tomorrow, and those that the dialplan has a name for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from voicebot.dialplan.hours import WEEKDAYS
from voicebot.dialplan.rules import normalised

_USUAL: Final = rf"(?:{'|'.join(WEEKDAYS)}|today|tomorrow)s?"


class DayNames:
    """What days are called. Turns are given in lower case without punctuation."""

    def __init__(self, named: Iterable[tuple[str, ...]] = ()) -> None:
        """Take the names of each day that has any; the first one is what the day is called by the bot."""
        ways = {_plain(way): names[0] for names in named for way in names}
        longest_first = sorted(ways, key=lambda way: (-len(way), way))
        self.own: Final = tuple(dict.fromkeys(ways.values()))
        """What the bot calls the days that have names."""
        self._named: Final = [(re.compile(_pattern(way)), ways[way]) for way in longest_first]
        self._any: Final = re.compile("|".join((*map(_pattern, longest_first), rf"\b{_USUAL}\b")))
        begun = [way for way in longest_first if any(other.startswith(f"{way} ") for other in ways)]
        self._begun: Final = re.compile("|".join(_pattern(way) + "$" for way in begun) or r"(?!)")

    def name_in(self, turn: str) -> str:
        """Return the bot's name for the day that a turn names, empty if it names none that has one."""
        return next((name for pattern, name in self._named if pattern.search(turn)), "")

    def left_open(self, turn: str) -> str:
        """Return a turn with `{day}` for every day."""
        return self._any.sub("{day}", turn)

    def may_go_on(self, turn: str) -> bool:
        """Whether a turn ends in a name that another one begins with: `Christmas` may become `Christmas Eve`."""
        return self._begun.search(turn) is not None

    def every_day(self, example: str) -> tuple[str, ...]:
        """Return an example once for each day that has a name, if it names a day."""
        general = self.left_open(example.casefold())
        days = (*WEEKDAYS, *self.own)
        return tuple(general.replace("{day}", day) for day in days) if "{day}" in general else (example,)


def _plain(name: str) -> str:
    return normalised(name).removeprefix("the ")


def _pattern(way: str) -> str:
    """Match a name with or without `the` and its apostrophes, which recognisers leave out."""
    return rf"\b(?:the )?{re.escape(way).replace(chr(39), '[ ' + chr(39) + ']?')}\b"
