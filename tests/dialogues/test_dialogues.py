"""Every dialogue of the demo shop, with each brain; some of them also aloud."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields
from inspect import signature
from pathlib import Path

import pytest

from voicebot.brain.catalogue import build_brain
from voicebot.brain.openai_chat import ChatSettings
from voicebot.brain.protocol import Brain
from voicebot.dialplan.loading import load_dialplan
from voicebot.dialplan.policy import Policy
from voicebot.remote.link import Endpoint
from voicebot.testing.openai_server import OpenAiServer, Reply, ScriptedCall
from voicebot.testing.scenario import Scenario, load_scenario
from voicebot.testing.simulate_command import own_calendar, simulated
from voicebot.testing.simulation import Outcome, run, text_call
from voicebot.testing.text_call import TextCall
from voicebot.tools.toolbox import DialplanToolbox

FILES = sorted(Path(__file__).parent.glob("*.yaml"))
LEAST = 60
LEAST_ALOUD = 6


def scenario_of(file: Path) -> Scenario:
    scenario, faults = load_scenario(file)
    assert scenario is not None, faults
    return scenario


SPOKEN = [file for file in FILES if scenario_of(file).audio]


@pytest.fixture(scope="module")
def policy() -> Policy:
    found, faults = load_dialplan(Path("dialplans/harbor-lane.yaml"))
    assert found is not None, faults
    return found


def scripted(scenario: Scenario) -> OpenAiServer:
    """Return a server that says what the scenario's `model` lines hold."""
    replies = [
        Reply(entry)
        if isinstance(entry, str)
        else Reply(entry.say, (ScriptedCall(entry.call, json.dumps(dict(entry.arguments))),))
        for turn in scenario.turns
        for entry in turn.model
    ]
    return OpenAiServer(replies=replies)


def told(scenario: Scenario, policy: Policy, engine: str) -> Outcome:
    with own_calendar(), closing(DialplanToolbox(policy)) as toolbox:
        if engine == "playbook":
            with text_call(scenario, policy, toolbox) as call:
                return run(scenario, policy, call)
        with scripted(scenario) as server:
            build: Callable[..., Brain] = build_brain
            endpoint = Endpoint(base_url=server.url, api_key="none")

            def brain_of(call: TextCall) -> Brain:
                """A brain that asks for the time gets the call's own."""
                clock = {"clock": call.wall_clock} if "clock" in signature(build_brain).parameters else {}
                return build(policy, engine, "scripted", endpoint, **clock)

            with text_call(scenario, policy, toolbox, brain_of) as call:
                return run(scenario, policy, call)


@pytest.mark.parametrize("engine", ["playbook", "openai"])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_dialogue_goes_as_it_is_written(file: Path, engine: str, policy: Policy) -> None:
    scenario = scenario_of(file)
    asks_consent = any(field.name == "confirm" for field in fields(ChatSettings))
    changes = bool(scenario.done) or "Shall I" in file.read_text(encoding="utf-8")
    if engine == "openai" and changes and not asks_consent:
        pytest.skip("this LLM brain does not yet tell the core what to ask before something is done")
    outcome = told(scenario, policy, engine)
    assert not outcome.wrong, "\n".join((*outcome.lines, *outcome.wrong))


@pytest.mark.parametrize("file", SPOKEN, ids=lambda file: file.stem)
def test_a_dialogue_goes_as_it_is_written_aloud(file: Path, policy: Policy) -> None:
    outcome = simulated(scenario_of(file), policy, audio=True)
    assert not outcome.wrong, "\n".join((*outcome.lines, *outcome.wrong))


def test_there_are_enough_of_them_and_all_have_a_scripted_model() -> None:
    assert len(FILES) >= LEAST
    assert len(SPOKEN) >= LEAST_ALOUD
    scripted_ones = [file for file in FILES if any(turn.model for turn in scenario_of(file).turns)]
    assert scripted_ones == FILES
