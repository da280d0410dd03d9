"""What it gives to know what callers say: sentences of the demo's dialplan, and others that it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.asr.corpus import Utterance
from benchmarks.asr.line import Condition, received
from benchmarks.asr.listening import text_of
from benchmarks.asr.scoring import words
from benchmarks.reporting.report import Report, Row
from benchmarks.reporting.statistics import rate
from benchmarks.turn_taking.stimuli import FLITE_VOICES, spoken
from voicebot.asr.protocol import NO_HINTS, AsrEngine, Hints
from voicebot.brain.playbook.brain import PlaybookBrain
from voicebot.dialplan.loading import load_dialplan

DIALPLAN = Path("dialplans/harbor-lane.yaml")
VOICES = (*FLITE_VOICES, "espeak:en-us+m3", "espeak:en-gb-scotland", "espeak:en-us+f2", "espeak:en-gb")
KNOWN, KNOWN_QUICK = 45, 6
"""Examples of the dialplan that every voice says, drawn by lot."""
UNKNOWN = (
    "Do you rent out electric bicycles for the weekend?",
    "I lost my keys in your parking lot yesterday.",
    "What is the phone number of the harbor office?",
    "Is there a discount for students?",
    "My daughter needs a new saddle.",
    "When does the ferry leave on Friday?",
    "Can you send the invoice to my accountant?",
    "I want to cancel my subscription.",
    "How much is a ticket to the museum on Sunday?",
    "Are you hiring at the moment?",
    "Where is my refund?",
    "What is the status of my application?",
    "Is the manager in today?",
    "How do I get to the station?",
    "I would like to speak about a warranty claim.",
    "Do you deliver pizza?",
    "What time is it?",
    "Can you repair a flat tire while I wait?",
    "Could you look up a phone number for me?",
    "Thank you for nothing.",
)
"""Close to what the dialplan knows, and not in it."""


def measure_known(engine: AsrEngine, report: Report, *, quick: bool) -> None:
    """Measure how many known sentences are right to the word with and without the hint, and what it does to others."""
    policy, _ = load_dialplan(DIALPLAN)
    if policy is None:
        raise FileNotFoundError(DIALPLAN)
    examples = [text for intent in policy.dialplan.intents.values() for text in intent.examples]
    drawn = np.random.default_rng(5).permutation(examples)[: KNOWN_QUICK if quick else KNOWN]
    hints = Hints(sentences=PlaybookBrain(policy).usual_turns())
    groups = {"flite": VOICES[: len(FLITE_VOICES)], "espeak-ng": VOICES[len(FLITE_VOICES) :]}
    for who, voices in groups.items():
        known = [_said(voice, str(text)) for voice in voices for text in drawn]
        for told, given in (("not told", NO_HINTS), ("told", hints)):
            right = [words(one.text) == words(heard) for one, heard in _heard(engine, known, given)]
            report.add(Row(f"known sentences right to the word, {who}, {told}", rate(right), "%", ""))
        others = [_said(voice, text) for voice in voices for text in UNKNOWN[:: 5 if quick else 1]]
        pairs = zip(_heard(engine, others, NO_HINTS), _heard(engine, others, hints), strict=True)
        changed = [words(free) != words(hinted) for (_, free), (_, hinted) in pairs]
        report.add(Row(f"unknown sentences taken for a known one, {who}", rate(changed), "%", ""))


def _said(voice: str, text: str) -> Utterance:
    return Utterance(voice, text, spoken(voice, text).pcm)


def _heard(engine: AsrEngine, said: Sequence[Utterance], hints: Hints) -> list[tuple[Utterance, str]]:
    rng = np.random.default_rng(3)
    return [(one, text_of(engine, received(one.pcm, Condition.CLEAN, rng), hints)) for one in said]
