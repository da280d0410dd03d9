"""A caller who follows a script: dials, listens, asks, interrupts, presses keys, and expects to be handed over.

Used by `voicebot demo`, `voicebot call` and the tests. It knows of the bot only what any telephone does; what the bot
said in words comes, if at all, from whoever runs the bot. Times are ms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from voicebot.testing import speech
from voicebot.testing.phone import CallFailed, Phone
from voicebot.testing.phone.endpoint import now_ms
from voicebot.testing.speech import Pcm
from voicebot.testing.wire import TurnOnWire


@dataclass(frozen=True, slots=True)
class Words:
    """Something to say: int16 at 8 kHz, and its text for the reader."""

    text: str
    pcm: Pcm

    @classmethod
    def of_line(cls, name: str) -> Words:
        """Return one of the shipped lines (`voicebot.testing.speech.LINES`)."""
        return cls(speech.LINES[name], speech.line(name))


@dataclass(frozen=True, slots=True)
class WaitForBot:
    """Wait until the bot has spoken since the caller's last word and has then been quiet for `quiet_ms`.

    Without a word from the bot within `timeout_ms` the script goes on.
    """

    quiet_ms: int = 900
    timeout_ms: int = 15_000


@dataclass(frozen=True, slots=True)
class Say:
    """Speak, whatever the bot does."""

    words: Words


@dataclass(frozen=True, slots=True)
class InterruptAfter:
    """Wait until the bot has begun to speak, let it go on for `speech_ms`, then speak into it."""

    speech_ms: int
    words: Words
    timeout_ms: int = 15_000


@dataclass(frozen=True, slots=True)
class Press:
    """Press keys, each for 100 ms (RFC 4733)."""

    keys: str


@dataclass(frozen=True, slots=True)
class ExpectTransfer:
    """Wait for a REFER and the outcome of following it, then listen to whoever answered until it is quiet again."""

    timeout_ms: int = 30_000


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


Step = WaitForBot | Say | InterruptAfter | Press | ExpectTransfer | HangUp


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """What somebody said, for the reader. `at_ms` counts from the call's answer."""

    at_ms: float
    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class CallerTurn:
    """One utterance of the caller and what was heard after it."""

    text: str
    heard: TurnOnWire


@dataclass(frozen=True, slots=True)
class Conversation:
    """How the call went. `code` is 200 or the refusal's status; `transfer_code` that of the transfer's target."""

    code: int
    turns: tuple[CallerTurn, ...]
    transfer_target: str
    transfer_code: int | None
    ended_by_bot: bool
    duration_ms: float

    @property
    def answered(self) -> bool:
        """Whether the call ever was."""
        return self.code == 200  # noqa: PLR2004

    @property
    def transferred(self) -> bool:
        """Whether the target of a transfer answered."""
        return self.transfer_code is not None and 200 <= self.transfer_code < 300  # noqa: PLR2004


class ScriptedCaller:
    """Runs one script over one phone.

    `tell` gets every line for the reader as it happens. `overheard`, if given, is asked for lines that became known
    since it was last asked, such as the bot's own words from its journal.
    """

    def __init__(
        self,
        phone: Phone,
        tell: Callable[[str], None],
        overheard: Callable[[], Sequence[SpokenLine]] = tuple,
    ) -> None:
        self._phone = phone
        self._tell = tell
        self._overheard = overheard
        self._texts: list[str] = []
        self._answered_ms = 0.0

    def call(self, target: str, steps: Sequence[Step]) -> Conversation:
        """Dial, follow the script, hang up, and measure. Raises MalformedMessage for a target that is no SIP URI."""
        self._tell(f"dialling {target}")
        self._phone.dial(target)
        try:
            self._phone.wait_answered()
        except CallFailed as failed:
            self._tell(f"not answered: {failed}")
            return Conversation(failed.code, (), "", None, ended_by_bot=False, duration_ms=0.0)
        self._answered_ms = float(now_ms())
        self._line("", "answered")
        try:
            for step in steps:
                self._take(step)
        except CallFailed as failed:
            self._line("", failed.reason)
        ended_by_bot = self._phone.ended_by_peer
        self._phone.hang_up()
        self._relay()
        return self._conversation(ended_by_bot=ended_by_bot)

    def _take(self, step: Step) -> None:
        match step:
            case WaitForBot(quiet_ms=quiet_ms, timeout_ms=timeout_ms):
                self._wait_bot_speaks(timeout_ms)
                self._phone.wait_bot_quiet(quiet_ms)
            case Say(words=words):
                self._say(words)
            case InterruptAfter(speech_ms=speech_ms, words=words, timeout_ms=timeout_ms):
                began_ms = self._wait_bot_speaks(timeout_ms)
                if began_ms is not None:
                    self._phone.wait_bot_speaks(began_ms + speech_ms, speech_ms + timeout_ms)
                self._say(words)
            case Press(keys=keys):
                self._line("caller", f"presses {keys}")
                self._phone.press(keys)
            case ExpectTransfer(timeout_ms=timeout_ms):
                self._expect_transfer(timeout_ms)
            case HangUp():
                self._line("caller", "hangs up")
                self._phone.hang_up()
            case _:
                assert_never(step)
        self._relay()

    def _say(self, words: Words) -> None:
        self._line("caller", words.text)
        self._texts.append(words.text)
        self._phone.say(words.pcm)

    def _wait_bot_speaks(self, timeout_ms: int) -> float | None:
        since_ms = self._phone.last_acted_ms
        began_ms = self._phone.wait_bot_speaks(since_ms, timeout_ms)
        if began_ms is None:
            self._line("", "the bot says nothing")
        else:
            self._line("", f"silence {began_ms - since_ms:.0f} ms")
        return began_ms

    def _expect_transfer(self, timeout_ms: int) -> None:
        transfer = self._phone.wait_transferred(timeout_ms)
        if transfer is None:
            self._line("", "no transfer came")
            return
        self._line("", f"asked to call {transfer.target}: {transfer.code or 'declined'}")
        self._phone.wait_bot_quiet(500, 5000)

    def _conversation(self, *, ended_by_bot: bool) -> Conversation:
        transfer = self._phone.transfer
        heard = self._phone.turns()
        return Conversation(
            code=200,
            turns=tuple(CallerTurn(text, turn) for text, turn in zip(self._texts, heard, strict=False)),
            transfer_target=transfer.target if transfer else "",
            transfer_code=transfer.code if transfer else None,
            ended_by_bot=ended_by_bot,
            duration_ms=now_ms() - self._answered_ms,
        )

    def _relay(self) -> None:
        for line in self._overheard():
            self._print(line.at_ms, line.speaker, line.text)

    def _line(self, speaker: str, text: str) -> None:
        self._relay()
        self._print(now_ms() - self._answered_ms, speaker, text)

    def _print(self, at_ms: float, speaker: str, text: str) -> None:
        self._tell(f"{at_ms / 1000:7.2f} s  {speaker:<7} {text}")


def summary(conversation: Conversation) -> list[str]:
    """Return lines for the reader: each turn with its silence, and how the call ended."""
    lines = [f"call of {conversation.duration_ms / 1000:.1f} s, {len(conversation.turns)} turns of the caller"]
    for number, turn in enumerate(conversation.turns, 1):
        heard = turn.heard
        silence = "no answer" if heard.silence_ms is None else f"silence {heard.silence_ms:.0f} ms"
        barge = "" if heard.barge_stop_ms is None else f", the bot stopped {heard.barge_stop_ms:.0f} ms into it"
        gaps = "".join(f", gap {gap:.0f} ms" for gap in heard.gaps_ms)
        lines.append(f"  {number}. {turn.text}  [{silence}{barge}{gaps}]")
    if conversation.transfer_target:
        outcome = f"answered {conversation.transfer_code}" if conversation.transfer_code else "not followed"
        lines.append(f"  transfer to {conversation.transfer_target}: {outcome}")
    lines.append(f"  ended by the {'bot' if conversation.ended_by_bot else 'caller'}")
    return lines


def demo_script() -> tuple[Step, ...]:
    """Four turns: a question, a second one into its long answer, an order by number, and a person, please."""
    return (
        WaitForBot(),
        Say(Words.of_line("hours_saturday")),
        InterruptAfter(4500, Words.of_line("shipping_express")),
        WaitForBot(),
        Say(Words.of_line("order_48213")),
        WaitForBot(),
        Say(Words.of_line("person")),
        ExpectTransfer(),
        HangUp(),
    )
