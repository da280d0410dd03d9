"""How long the caller waits for an answer, on the wire: first time, cached, from a connector, from a language model.

Silence is what the telephone measured, by the rule of docs/design.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TypeVar

from benchmarks.reporting.report import Report, Row
from benchmarks.reporting.statistics import quantile
from benchmarks.turn_taking.bot import ANSWER_TIMEOUT_MS, ask, calling, llm_dialplans, playbook_dialplans, running
from benchmarks.turn_taking.slow_orders import ANSWER_S
from benchmarks.turn_taking.stimuli import spoken
from voicebot.testing.bot_process import BotProcess
from voicebot.testing.openai_server import OpenAiServer, Reply, Service
from voicebot.testing.phone import Phone
from voicebot.testing.speech import line

_Turn = TypeVar("_Turn")

QUESTIONS = (
    "What are your opening hours on Saturday?",
    "How much does express shipping cost?",
    "Are you open on Christmas Day?",
    "What time do you close on Thursday?",
    "What are your opening hours on Friday?",
    "Where is your shop?",
    "Are you open on Sunday?",
    "What can you do for me?",
)
ASKERS = ("rms", "slt", "kal16")
"""Voices that ask."""
TURNS_A_CALL = 4
FIRST_TOKEN_S = 0.2
"""Of the stub of a language model."""


def measure(report: Report, *, quick: bool) -> None:
    """Ask questions and time the answers: spoken for the first time, cached, from a tool, from a language model."""
    with running(playbook_dialplans()) as bot:
        _answers(bot, report, 4 if quick else len(QUESTIONS), 1 if quick else 3)
        _tools(bot, report, 2 if quick else 16)
    with OpenAiServer(replies=_replies(), delays={Service.CHAT: FIRST_TOKEN_S}) as server:
        environment = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "stub"}
        with running(llm_dialplans(), environment) as bot:
            _llm(bot, report, 4 if quick else 24)


def _in_calls(turns: Sequence[_Turn]) -> list[Sequence[_Turn]]:
    """Return the turns of one call after another."""
    return [turns[at : at + TURNS_A_CALL] for at in range(0, len(turns), TURNS_A_CALL)]


def _silences(phone: Phone) -> list[float]:
    return [turn.silence_ms for turn in phone.turns() if turn.silence_ms is not None]


def _add_silences(report: Report, name: str, values: list[float], targets: Mapping[float, str]) -> None:
    for at in (0.5, 0.95, 0.99):
        report.add(Row(f"silence, {name}: p{at * 100:.0f}", quantile(values, at), "ms", targets.get(at, "")))
    report.samples[f"silence, {name}"] = values


def _answers(bot: BotProcess, report: Report, questions: int, rounds: int) -> None:
    """Ask everything once, when no answer has been spoken before, and then again, every time in another voice."""
    fresh: list[float] = []
    cached: list[float] = []
    for number in range(1 + rounds):
        voices = itertools.islice(itertools.cycle(ASKERS), number, None)
        for some in _in_calls(tuple(zip(QUESTIONS[:questions], voices, strict=False))):
            with calling(bot) as phone:
                for text, voice in some:
                    ask(phone, spoken(voice, text).pcm)
                (cached if number else fresh).extend(_silences(phone))
    _add_silences(report, "playbook answer, spoken for the first time", fresh, {0.5: "<= 450", 0.95: "<= 800"})
    _add_silences(report, "playbook answer, cached", cached, {0.5: "<= 300", 0.95: "<= 450"})


def _tools(bot: BotProcess, report: Report, turns: int) -> None:
    silences: list[float] = []
    for _ in range(-(-turns // 2)):
        with calling(bot) as phone:
            for _ in range(2):
                end_ms = phone.say(line("order_48213")).end_ms
                phone.wait_bot_speaks(end_ms, ANSWER_TIMEOUT_MS)
                phone.wait_bot_quiet(2_600)
            silences += _silences(phone)
    _add_silences(report, f"tool turn of {ANSWER_S:.0f} s", silences, {0.95: "<= 700"})


def _llm(bot: BotProcess, report: Report, turns: int) -> None:
    silences: list[float] = []
    for some in _in_calls(tuple(itertools.islice(itertools.cycle(QUESTIONS), turns))):
        with calling(bot) as phone:
            for text in some:
                ask(phone, spoken("rms", text).pcm)
            silences += _silences(phone)
    report.tell(f"the stub's first token comes after {FIRST_TOKEN_S * 1000:.0f} ms")
    _add_silences(report, "language model (stub)", silences, {})


def _replies() -> list[Reply]:
    """Return answers that no cache has heard, and that state nothing which would need evidence."""
    kinds = ["good", "fine", "large", "small", "wide", "fair", "rich", "nice", "great", "decent"]
    things = [
        "bells",
        "baskets",
        "saddles",
        "pedals",
        "lamps",
        "pumps",
        "locks",
        "gloves",
        "bags",
        "mirrors",
        "tools",
        "racks",
        "grips",
        "chains",
        "tubes",
    ]
    return [
        Reply(f"We have a {kind} choice of {thing} in the shop right now. You are welcome to have a look.")
        for thing in things
        for kind in kinds
    ]
