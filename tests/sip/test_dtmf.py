"""Keys as gateways really send them: with and without marker bits, doubled, cut short, fast, ahead of the question."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import pytest

from tests.sip.conftest import EchoBot, RawCaller
from voicebot.core.events import CallAnswered
from voicebot.safety.dtmf import DtmfRun
from voicebot.safety.vault import Vault
from voicebot.sip.legs import DtmfDigit, DtmfMethod
from voicebot.testing.echo import EchoLeg

KEYS = "0123456789*#"
EVENT_TYPE = 101
FRAME = 160
"""20 ms at the event's clock of 8 kHz."""
SYNC = "#"
"""Sent after what is tested: when it arrives, all that came before it has."""


@dataclass(frozen=True)
class Sender:
    """How a gateway reports a key. A press and the pause after it are in frames of 20 ms."""

    marker: bool = True
    ends: int = 3
    """Reports with the end bit; RFC 4733 asks for three, and the network loses some."""
    copies: int = 1
    """How often each packet arrives."""
    press: int = 5
    pause: int = 5
    lost: int = 0
    """Reports lost at the start of each press. pjmedia tells presses of one key apart by their durations, not by their
    timestamps: when all but the longest reports of two equal presses are lost, it hears one."""

    def reports(self, keys: str, sequence: Iterator[int], timestamp: int = 8_000) -> Iterator[bytes]:
        for key in keys:
            durations = [FRAME * frame for frame in range(1, self.press + 1)]
            body = [(duration, False) for duration in durations] + [(durations[-1], True)] * self.ends
            for number, (duration, ended) in enumerate(body):
                marker = 0x80 if self.marker and number == 0 else 0
                header = struct.pack(">BBHII", 0x80, EVENT_TYPE | marker, next(sequence), timestamp, 7)
                packet = header + struct.pack(">BBH", KEYS.index(key), 0x8A if ended else 0x0A, duration)
                if number >= self.lost:
                    yield from [packet] * self.copies
            timestamp += FRAME * (self.press + self.pause)


@pytest.fixture(scope="module")
def module_bot(start_bot: Callable[..., EchoBot]) -> EchoBot:
    return start_bot()


@pytest.fixture
def bot(module_bot: EchoBot) -> EchoBot:
    module_bot.fresh()
    return module_bot


@pytest.fixture
def caller(bot: EchoBot, raw_caller: Callable[[int], RawCaller]) -> Iterator[RawCaller]:
    made = raw_caller(bot.agent.port)
    made.call()
    yield made
    made.hang_up()


@pytest.fixture
def leg(bot: EchoBot, caller: RawCaller) -> EchoLeg:
    answered = bot.switchboard.wait_for_leg()
    assert caller.remote_rtp[1]
    answered.wait_for(CallAnswered)
    return answered


def heard(caller: RawCaller, leg: EchoLeg, packets: Iterator[bytes], sequence: Iterator[int]) -> str:
    """Send packets and return the keys that came of them."""
    for packet in packets:
        caller.rtp.sendto(packet, caller.remote_rtp)
    for packet in Sender().reports(SYNC, sequence, 800_000):
        caller.rtp.sendto(packet, caller.remote_rtp)
    keys = ""
    while not keys.endswith(SYNC):
        keys = "".join(digit.digit for digit in leg.wait_for(DtmfDigit, count=len(keys) + 1))
    return keys.removesuffix(SYNC)


@pytest.mark.parametrize(
    "sender",
    [
        Sender(),
        Sender(marker=False),
        Sender(ends=6),
        Sender(marker=False, ends=1),
        Sender(ends=0),
        Sender(marker=False, ends=0),
        Sender(copies=2),
        Sender(marker=False, copies=3),
        Sender(lost=2),
        Sender(marker=False, lost=3),
        Sender(press=2, pause=3),
        Sender(marker=False, press=3, pause=2, ends=1),
        Sender(press=40),
    ],
    ids=str,
)
@pytest.mark.parametrize("keys", ["48213", "1", "4455"])
def test_each_press_counts_once(caller: RawCaller, leg: EchoLeg, sender: Sender, keys: str) -> None:
    sequence = count(1)
    assert heard(caller, leg, sender.reports(keys, sequence), sequence) == keys


def test_keys_that_were_typed_while_the_bot_spoke_are_not_lost(caller: RawCaller, leg: EchoLeg) -> None:
    sequence = count(1)
    for _ in range(20):
        leg.loop.put(b"\x00\x10" * 320)
    packets = Sender(press=2, pause=3).reports("0123456789", sequence)
    assert heard(caller, leg, packets, sequence) == "0123456789"


def test_audio_between_the_reports_changes_nothing(caller: RawCaller, leg: EchoLeg) -> None:
    sequence = count(1)

    def mixed() -> Iterator[bytes]:
        for report in Sender(marker=False).reports("482", sequence):
            yield report
            yield struct.pack(">BBHII", 0x80, 0, next(sequence), 8_000, 7) + b"\xff" * 160

    assert heard(caller, leg, mixed(), sequence) == "482"


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ("Signal=5\r\nDuration=160\r\n", "5"),
        ("Signal= *\r\nDuration= 100\r\n", "*"),
    ],
)
def test_keys_by_info(caller: RawCaller, leg: EchoLeg, body: str, key: str) -> None:
    for cseq in (2, 3):
        caller.send("INFO", cseq, body=body, extra="Content-Type: application/dtmf-relay\r\n")
        assert caller.response().startswith("SIP/2.0 200")
    assert leg.wait_for(DtmfDigit, count=2) == [DtmfDigit(key, DtmfMethod.INFO)] * 2


def test_a_run_that_is_typed_ahead_is_one_turn() -> None:
    run = DtmfRun(Vault(frozenset({5})), (5,))
    for number, key in enumerate("48213"):
        run.digit(key, 100 * number)
    assert run.take(400) == ""
    assert run.take(1_400) == "48213"


@pytest.mark.peers
def test_sipp_types_by_info(bot: EchoBot, sipp: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    sipp("dtmf_info", bot.agent.port)
    digits = bot.switchboard.wait_for_leg().wait_for(DtmfDigit, count=2)
    assert [digit.digit for digit in digits] == ["4", "#"]
