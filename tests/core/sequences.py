"""Random calls: events that may come in any order at any time, biased towards those that mean something.

Run as a program it prints every command of one call, so that two interpreters can be compared byte for byte.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from random import Random

from tests.core.timeline import CHAIN, CHAINED, POLICY, STARTED, Timeline
from voicebot.core import call
from voicebot.core.commands import Command
from voicebot.core.events import (
    Attempt,
    BrainClause,
    BrainFinished,
    BrainOutcome,
    BrainToolWanted,
    CallAnswered,
    CallEnded,
    Category,
    DeadlineReached,
    DrainOrdered,
    DtmfEntered,
    EndCause,
    EngineFailed,
    EngineHealth,
    Event,
    KeyPressed,
    MediaChanged,
    MediaState,
    Played,
    Role,
    SafetyFlagged,
    SpeechPaused,
    SpeechRendered,
    SpeechStarted,
    ToolFailed,
    ToolReturned,
    Transcribed,
    TransferReport,
    TransferReported,
)
from voicebot.core.move import CallState
from voicebot.core.policy import CallPolicy

KINDS = 23
"""How many kinds of event `event` knows."""

_TEXTS = ("", "Yes.", "Where is order 7?", "okay", "I would like to know the", "4 8 2 1 3", "stop it now please")
_EXPECTS = ("", "digits:5", "yes_no", "email")
_FINALITIES = (0.5, 0.9, 0.1)
_CODES = (0, 100, 202, 200, 486, 503, 603)


def event(state: CallState, now_ms: int, kind: int, pick: int) -> Event:  # noqa: C901, PLR0911, PLR0912 - one arm a kind
    """Return an event of `kind` that mostly fits the state. `pick` is any natural number that chooses its values."""
    early = state.early.attempt if state.early else None
    attempt = state.conversation.brain or early or Attempt(state.mouth.epoch, pick % 3)
    speech = max(0, state.mouth.last_speech - pick % 3)
    tool = 1 + pick % (len(state.tooling.calls) + 1)
    flag = pick % 2 == 0
    category = list(Category)[pick % len(Category)]
    decode = state.ear.decode if pick % 4 else 0
    match kind:
        case 0:
            return CallAnswered("PCMU")
        case 1:
            return MediaChanged(list(MediaState)[pick % 3])
        case 2 | 3:
            return SpeechStarted(max(0, now_ms - 100), flag)
        case 4:
            return SpeechPaused(max(0, now_ms - 160))
        case 5 | 6:
            text, confidence = _TEXTS[pick % len(_TEXTS)], (0.9, 0.5)[pick % 2]
            return Transcribed(state.ear.utterance, decode, text, confidence, _FINALITIES[pick % 3])
        case 7:
            return KeyPressed()
        case 8:
            return DtmfEntered(("", "7", "48213")[pick % 3])
        case 9 | 10:
            return BrainClause(attempt, pick, ("At nine.", "", "One day.")[pick % 3], ())
        case 11:
            name = ("orders", "refund", "book", "unheard_of", "cancel")[pick % 5]
            return BrainToolWanted(attempt, name, f"{{{pick % 4}}}", "" if pick % 7 == 0 else "Shall I?")
        case 12:
            outcome = list(BrainOutcome)[pick % 5]
            return BrainFinished(attempt, outcome, "", str(pick), _EXPECTS[pick % 4], whole=pick % 7 == 0)
        case 13:
            return ToolReturned(tool, "{}")
        case 14:
            return ToolFailed(tool, category, flag)
        case 15 | 16:
            return SpeechRendered(speech, pick % 100, flag)
        case 17:
            return Played(speech, pick % 120)
        case 18:
            role = list(Role)[pick % 4]
            refs = {Role.ASR: state.ear.utterance, Role.BRAIN: attempt.number, Role.TTS: speech, Role.TOOL: tool}
            return EngineFailed(role, refs[role], category, flag)
        case 19:
            return TransferReported(state.handoff.transfer, list(TransferReport)[pick % 3], _CODES[pick % 7])
        case 20:
            return SafetyFlagged("rule")
        case 22:
            return EngineHealth((Role.ASR, Role.BRAIN, Role.TTS)[pick % 3], CHAIN[pick % 2], well=pick % 5 < 2)
        case 21 if pick % 5 == 0:
            return CallEnded(list(EndCause)[pick % 7], 0)
        case 21 if pick % 5 == 1:
            return DrainOrdered(now_ms + pick)
        case _:
            return STARTED


def asked_for_consent(policy: CallPolicy = POLICY) -> tuple[CallState, int]:
    """Return a call in which the caller has just heard whether something shall be booked, and its time."""
    timeline = Timeline(policy).thinking("Thursday at four, please.")
    timeline.asks()
    return timeline.state, timeline.now_ms


def one_call(seed: int) -> Iterator[tuple[CallState, tuple[Command, ...]]]:
    """Yield the state and the commands after each step of a random call; some begin with a question for consent."""
    random = Random(seed)
    state, now_ms = call.begin(POLICY), 0
    happening: list[Event] = [CHAINED if seed % 2 else STARTED, CallAnswered("PCMU")]
    if seed % 5 == 0:
        happening = []
        state, now_ms = asked_for_consent()
    for _ in range(300):
        due_ms = call.next_deadline(state)
        if due_ms is not None and due_ms <= now_ms:
            happening.append(DeadlineReached())
        happening.append(event(state, now_ms, random.randrange(KINDS), random.randrange(1000)))
        while happening:
            state, commands = call.step(state, happening.pop(0), now_ms)
            yield state, commands
        now_ms += random.randrange(700)


if __name__ == "__main__":
    for seed in range(20):
        sys.stdout.writelines(f"{command!r}\n" for _, commands in one_call(seed) for command in commands)
