"""The figures of a process, and orders to clear, as workers carry them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.brain.kept_answers import KeptAnswers
from voicebot.brain.playbook.brain import PlaybookBrain
from voicebot.cache.caches import Caches
from voicebot.cache.shelf import Kind, Outcome, Shelf
from voicebot.config import load_settings
from voicebot.dialplan.intents import IntentPart
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.policy import Policy
from voicebot.runtime.cache_console import summed
from voicebot.runtime.caching import ORDERS_KEPT, Orders, caches_of, figures, kept_answers, order
from voicebot.runtime.chains import Chosen
from voicebot.tts.cache import SpeechCache


def test_an_order_is_carried_out_once(tmp_path: Path) -> None:
    cleared: list[tuple[Kind, str | None]] = []

    def clear(kind: Kind, tenant: str | None) -> int:
        cleared.append((kind, tenant))
        return 2

    orders = Orders(tmp_path, clear)
    assert orders.carry_out() == {}
    name, path = order(tmp_path, (Kind.ANSWERS, Kind.TTS), "shop")
    assert orders.carry_out() == orders.carry_out() == {name: 4}
    assert cleared == [(Kind.ANSWERS, "shop"), (Kind.TTS, "shop")]
    path.unlink()
    assert orders.carry_out() == {name: 4}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kinds": ["nothing"], "tenant": null}', "not JSON"])
def test_what_is_no_order_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "clear-caches-1.json").write_text(text)
    assert Orders(tmp_path, lambda _kind, _tenant: pytest.fail("cleared")).carry_out() == {}


def test_only_the_last_orders_are_remembered(tmp_path: Path) -> None:
    orders = Orders(tmp_path, lambda _kind, _tenant: 0)
    for _ in range(ORDERS_KEPT + 3):
        _, path = order(tmp_path, (Kind.TTS,), None)
        orders.carry_out()
        path.unlink()
    assert len(orders.carry_out()) == ORDERS_KEPT


def test_speech_reports_beside_the_others() -> None:
    caches = Caches()
    speech = SpeechCache(memory_bytes=1280, tally=caches.tally)
    for key in ("a", "b", "c"):
        speech.put(key, bytes(640))
    speech.get("a")
    speech.get("c")
    shelf = Shelf(Kind.PROMPT, "shop", "hash")
    store = caches.own(Kind.PROMPT)
    store.put(shelf, b"system", b"You are on the telephone.", 60, store.look(shelf, b"system").edition)
    rows = {(row["kind"], row["tenant"]): row for row in figures(caches, speech)}
    assert rows["tts", ""]["hit"] == rows["tts", ""]["miss"] == rows["tts", ""]["evicted"] == 1
    assert (rows["tts", ""]["entries"], rows["tts", ""]["bytes"]) == (2, 1280)
    assert rows["prompt", "shop"]["stored"] == rows["prompt", "shop"]["entries"] == 1
    assert caches.tally.counts()[Kind.TTS, ""][Outcome.EVICTED] == 1
    twice = summed([*figures(caches, speech), *figures(caches, speech)])
    ours = [row for row in twice if row["tenant"] in {"", "shop"}]  # other tests leave prompts in the process
    assert [(row["kind"], row["entries"]) for row in ours] == [("prompt", 2), ("tts", 4)]


def test_the_configuration_says_where_and_how_much() -> None:
    env = {"VOICEBOT_CACHE__URL": "redis://127.0.0.1:6379/1", "VOICEBOT_CACHE__KEY": "x" * 32}
    for personal, variables in ((True, env), (False, {**env, "VOICEBOT_CACHE__KEY": ""})):
        caches = caches_of(load_settings(None, variables))
        assert caches.store(Kind.ANSWERS, personal=personal) is not caches.own(Kind.ANSWERS)
        assert (caches.store(Kind.CONNECTORS, personal=True) is caches.own(Kind.CONNECTORS)) is not personal
        caches.close()
    alone = caches_of(load_settings(None, {}))
    assert alone.store(Kind.ANSWERS) is alone.own(Kind.ANSWERS)


@pytest.mark.parametrize(
    ("engine", "repeatable", "kept"), [("openai", True, True), ("openai", False, False), ("playbook", True, False)]
)
def test_only_a_models_answers_to_repeatable_questions_are_kept(engine: str, *, repeatable: bool, kept: bool) -> None:
    intent = IntentPart(examples=("where are you",), answers={"default": "Here."}, repeatable=repeatable)
    plan = Policy.of(Dialplan(version=1, name="t", intents={"address": intent}))
    brain = PlaybookBrain(plan)
    wrapped = kept_answers(brain, plan, Caches(), Chosen(engine))
    assert isinstance(wrapped, KeptAnswers) is kept
    assert kept or wrapped is brain
