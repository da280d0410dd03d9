"""Hold in the middle of a sentence, and audio that stays away."""

from __future__ import annotations

import pytest

from tests.calls.scene import Bot, caller, eventually
from voicebot.core.commands import Speak
from voicebot.core.events import MediaChanged, MediaState
from voicebot.media.playout import Flushed, Paused, Popped, Resumed
from voicebot.testing.link import Link, Quality
from voicebot.testing.speech import line


def test_after_hold_the_bot_goes_on_from_where_it_was(bot: Bot) -> None:
    with caller(bot) as phone:
        phone.say(line("shipping_express"))
        bot.await_spoken(phone, "Standard shipping")
        phone.hold()
        assert phone.wait_media_changed()
        eventually(lambda: MediaChanged(MediaState.HELD) in bot.events(phone), "the bot knows that it is held")
        phone.unhold()
        assert phone.wait_media_changed()
        bot.await_spoken(phone, "A whole bicycle")
        assert phone.wait_bot_quiet(700)
    ring = bot.ring(phone)
    pause, resume = (next(entry for entry in ring if isinstance(entry, kind)) for kind in (Paused, Resumed))
    popped = [entry for entry in ring if isinstance(entry, Popped)]
    before = max((p for p in popped if p.tick_from < pause.tick), key=lambda p: p.tick_from)
    after = min((p for p in popped if p.tick_from >= resume.tick), key=lambda p: p.tick_from)
    assert before.tick_from + before.frames <= pause.tick
    assert (after.speech, after.first_frame) == (before.speech, before.first_frame + before.frames)
    assert not any(isinstance(entry, Flushed) and entry.tick < after.tick_from + after.frames for entry in ring)
    _, turns = bot.record(phone)
    assert turns[0].bot_text.endswith("49 dollars.")


@pytest.mark.slow
def test_a_caller_whose_audio_stays_away_is_asked_once_and_then_let_go(bot: Bot) -> None:
    with caller(bot) as phone:
        phone.mute()
        assert phone.wait_ended(60_000)
        assert phone.ended_by_peer
    events = bot.events(phone)
    lost = events.index(MediaChanged(MediaState.LOST))
    assert MediaChanged(MediaState.FLOWING) not in events[lost:]
    record, _ = bot.record(phone)
    assert record.disposition == "media_lost"
    said = [c.text for step in bot.steps(phone)[lost:] for c in step.commands if isinstance(c, Speak)]
    assert len(said) == 2
    assert said[0] == "Are you still there?"
    assert "Goodbye" in said[1]


def test_a_turn_is_understood_over_a_link_that_loses_packets(bot: Bot) -> None:
    link = Link(Quality(loss=0.03, jitter_ms=10), seed=1)
    with caller(bot) as phone:
        phone.impair(link)
        phone.say(line("order_48213"))
        bot.await_spoken(phone, "four, eight, two, one, three")
    assert link.lost >= 3
