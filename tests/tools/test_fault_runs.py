"""Callers who interrupt, repeat themselves and leave, connectors that fail in every way: nothing is done twice.

The short version of `scripts/bench connectors --only faults`.
"""

from __future__ import annotations

from voicebot.testing.fault_runs import conduct


def test_nothing_is_done_twice_or_without_a_yes() -> None:
    tally = conduct(range(2_000, 2_012))
    assert tally.runs == 12
    assert not tally.twice
    assert not tally.unasked
    assert tally.done, "runs in which nothing is done would prove nothing"
    assert tally.happened["tool_failed"]
