"""The scripted caller and `voicebot call` against an agent's phone that plays the bot."""

import argparse
import wave
from pathlib import Path

import numpy as np
import pytest

from voicebot.testing import speech
from voicebot.testing.call_command import add_call_arguments, call_command
from voicebot.testing.phone import AgentPhone, Phone
from voicebot.testing.phone.agent import Answering, tone
from voicebot.testing.scripted_caller import (
    ExpectTransfer,
    InterruptAfter,
    Press,
    Say,
    ScriptedCaller,
    SpokenLine,
    Step,
    WaitForBot,
    Words,
    demo_script,
    summary,
)


def command(*options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_call_arguments(parser)
    return parser.parse_args(options)


@pytest.mark.parametrize("name", speech.LINES)
def test_every_line_is_there_and_loud_enough(name: str) -> None:
    pcm = speech.line(name)
    assert 0.3 < len(pcm) / speech.SAMPLE_RATE < 4
    assert 2500 < np.sqrt(np.square(pcm.astype(float)).mean()) < 4000


def test_the_demo_script_has_four_turns_and_a_transfer() -> None:
    steps = demo_script()
    assert sum(isinstance(step, Say | InterruptAfter) for step in steps) == 4
    assert any(isinstance(step, ExpectTransfer) for step in steps)


def test_an_interruption_falls_into_the_speech() -> None:
    told: list[str] = []
    overheard = iter([[SpokenLine(10.0, "bot", "a long tone")]])
    words = Words("stop", tone(200))
    with AgentPhone(greeting=tone(1200)) as agent, Phone() as phone:
        caller = ScriptedCaller(phone, told.append, lambda: next(overheard, []))
        steps: list[Step] = [InterruptAfter(200, words), Press("1"), WaitForBot(quiet_ms=100, timeout_ms=50)]
        conversation = caller.call(agent.uri, steps)
    assert conversation.answered
    assert not conversation.transferred
    assert not conversation.ended_by_bot
    [turn] = conversation.turns
    assert turn.text == "stop"
    assert turn.heard.barge_stop_ms is not None
    assert any("a long tone" in line for line in told)
    assert any("presses 1" in line for line in told)
    assert any("stop" in line for line in summary(conversation))


def test_a_transfer_is_followed_within_the_script() -> None:
    with AgentPhone() as human, AgentPhone() as bot, Phone() as phone:
        words = Words("a person, please", tone(100))

        def refer_once() -> list[SpokenLine]:
            if phone.recording.spoken and not bot.calls[0].replies and phone.transfer is None:
                bot.refer(human.uri)
            return []

        caller = ScriptedCaller(phone, lambda _line: None, refer_once)
        conversation = caller.call(bot.uri, [WaitForBot(quiet_ms=100), Say(words), ExpectTransfer()])
        assert conversation.transferred
        assert conversation.transfer_target == human.uri
        assert "answered 200" in "\n".join(summary(conversation))


def test_call_plays_what_it_is_given_in_order_and_saves_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with wave.open(str(tmp_path / "stereo.wav"), "wb") as wav:
        wav.setnchannels(2)
        wav.setsampwidth(2)
        wav.setframerate(16_000)
        wav.writeframes(np.repeat(tone(400), 2).tobytes())
    saved = tmp_path / "call.wav"
    with AgentPhone(greeting=tone(100)) as agent:
        args = command(
            agent.uri, "--dtmf", "12", "--wav", str(tmp_path / "stereo.wav"), "--save", str(saved), "--wait", "50"
        )
        assert args.steps == [("DIGITS", "12"), ("FILE", str(tmp_path / "stereo.wav"))]
        assert call_command(args) == 0
        assert agent.calls[0].recording.keys == ["1", "2"]
    printed = capsys.readouterr().out
    assert printed.index("presses 12") < printed.index("(stereo.wav)") < printed.index("ended by the caller")
    with wave.open(str(saved)) as wav:
        assert (wav.getnchannels(), wav.getframerate()) == (2, 8000)


def test_say_renders_a_text_and_says_with_what(capsys: pytest.CaptureFixture[str]) -> None:
    with AgentPhone(greeting=tone(100)) as agent:
        assert call_command(command(agent.uri, "--say", "Good morning.", "--wait", "50")) == 0
        heard = np.concatenate([frame.pcm for frame in agent.calls[0].recording.heard])
    assert (np.abs(heard.astype(int)) > 1000).sum() > 1000
    assert "rendering with Piper: Good morning." in capsys.readouterr().out


@pytest.mark.parametrize("options", [[], ["--dtmf", "5"]])
def test_a_caller_need_not_speak(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with AgentPhone(greeting=tone(100)) as agent:
        assert call_command(command(agent.uri, *options, "--wait", "50")) == 0
    assert "0 turns of the caller" in capsys.readouterr().out


def test_a_refused_call_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with AgentPhone(answering=Answering.BUSY) as agent:
        assert call_command(command(agent.uri)) == 1
    assert "not answered: 486 Busy Here" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["not-a-uri"], "not-a-uri"),
        (["sip:a@127.0.0.1", "--dtmf", "12x"], "--dtmf 12x"),
        (["sip:a@127.0.0.1", "--wav", "nowhere.wav"], "--wav nowhere.wav"),
        (["sip:a@127.0.0.1", "--wav", __file__], "16-bit"),
        (["sip:a@127.0.0.1", "--local-ip", "192.0.2.1"], "--local-ip 192.0.2.1"),
        (["sip:a@127.0.0.1", "--local-ip", "nonsense"], "--local-ip nonsense"),
        (["sip:a@192.0.2.9", "--local-ip", "127.0.0.1"], "no way to 192.0.2.9:5060 from 127.0.0.1: Invalid argument"),
        (["sip:a@no.such.host.invalid"], "no.such.host.invalid"),
    ],
)
def test_a_script_that_cannot_be_run_is_named_with_its_remedy(
    options: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call_command(command(*options)) == 2
    assert named in capsys.readouterr().err
