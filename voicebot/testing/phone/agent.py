"""The agent's phone, where transferred callers arrive: answers, is busy or just rings, and keeps what it was told."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from types import TracebackType
from typing import Self

import numpy as np

from voicebot.testing.phone import sdp
from voicebot.testing.phone.dialog import Dialog, State
from voicebot.testing.phone.endpoint import Endpoint, new_id, now_ms
from voicebot.testing.phone.incoming import IncomingCall
from voicebot.testing.phone.line import AudioLine
from voicebot.testing.phone.message import Address, Headers, Request
from voicebot.testing.phone.notices import Asked, Ended, MediaChanged, Notice, Replied
from voicebot.testing.phone.recording import SAMPLE_RATE, Pcm, Recording


class Answering(StrEnum):
    """What happens when the agent's phone rings."""

    AUTO = "auto"
    BUSY = "busy"
    RING = "ring"
    """180 and nothing more, until the caller gives up."""


class AgentCall:
    """A call that reached the agent."""

    def __init__(self, dialog: IncomingCall, line: AudioLine, recording: Recording) -> None:
        self.dialog = dialog
        self.invite = dialog.invite
        self.recording = recording
        self.requests: list[Request] = []
        """Those of the caller inside the call, in order."""
        self.replies: list[Replied] = []
        self.answered = False
        self._line = line

    @property
    def ended(self) -> bool:
        """Whether the call is over."""
        return self.dialog.state is State.ENDED

    def connect(self, remote: sdp.Media, greeting: Sequence[Pcm]) -> None:
        """Open the audio; the first time, speak the greeting."""
        self._line.connect(remote)
        if not self.answered:
            self.answered = True
            for pcm in greeting:
                self._line.say(pcm)

    def close(self) -> None:
        """Close the audio."""
        self._line.close()
        self.recording.close()


class AgentPhone:
    """Listens for calls. A context manager: leaving it hangs up and frees its ports.

    `greeting` is spoken (int16, 8 kHz) when a call is answered; a short tone by default.
    """

    def __init__(  # noqa: PLR0913  all but the address have a default and a keyword
        self,
        local_ip: str = "127.0.0.1",
        port: int = 0,
        *,
        user: str = "agent",
        transport: str = "udp",
        answering: Answering = Answering.AUTO,
        greeting: Pcm | None = None,
    ) -> None:
        self.answering = answering
        self.calls: list[AgentCall] = []
        self._local_ip = local_ip
        self._user = user
        self._greeting = tone() if greeting is None else greeting
        self._endpoint = Endpoint(local_ip, port, transport, self._on_notice, self._on_invite)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def address(self) -> Address:
        """Where the phone listens for SIP."""
        return self._endpoint.address

    @property
    def uri(self) -> str:
        """The phone's SIP URI: a target for a transfer."""
        host, port = self.address
        return f"sip:{self._user}@{host}:{port}"

    def wait_call(self, timeout_ms: int = 10_000) -> AgentCall | None:
        """Wait for the first call to arrive; None when none came in time."""
        with self._endpoint.changed:
            self._endpoint.changed.wait_for(lambda: bool(self.calls), timeout_ms / 1000)
            return self.calls[0] if self.calls else None

    def hang_up(self) -> None:
        """End every call."""
        for call in list(self.calls):
            self._endpoint.act(call.dialog, call.dialog.hang_up)

    def refer(self, target: str, headers: Headers = ()) -> None:
        """Send the newest caller to `target` by a blind transfer (RFC 3515)."""
        dialog = self.calls[-1].dialog
        all_headers = (("Refer-To", f"<{target}>"), ("Referred-By", f"<{self.uri}>"), *headers)
        self._endpoint.act(dialog, lambda now: dialog.request("REFER", now, all_headers))

    def wait_ended(self, timeout_ms: int = 5000) -> bool:
        """Wait until every call that came is over."""
        with self._endpoint.changed:
            over = self._endpoint.changed.wait_for(lambda: all(call.ended for call in self.calls), timeout_ms / 1000)
            return bool(over)

    def close(self) -> None:
        """Hang up and free the ports."""
        self.hang_up()
        self.wait_ended(1000)
        for call in self.calls:
            call.close()
        self._endpoint.close()

    # Under the endpoint's lock

    def _on_invite(self, invite: Request, source: Address) -> Dialog | None:
        if self.answering is Answering.BUSY:
            return None
        recording = Recording()
        line = AudioLine(self._local_ip, recording, 0)
        local = self._endpoint.local_end(self._user)
        dialog = IncomingCall(local, sdp.Media(line.address, (sdp.PCMU, sdp.PCMA)), new_id, invite, source)
        self.calls.append(AgentCall(dialog, line, recording))
        dialog.ring()
        if self.answering is Answering.AUTO:
            dialog.accept(now_ms())
        return dialog

    def _on_notice(self, dialog: Dialog, notice: Notice) -> None:
        call = next(call for call in self.calls if call.dialog is dialog)
        match notice:
            case MediaChanged(remote=remote):
                call.connect(remote, [self._greeting])
            case Asked(request=request):
                call.requests.append(request)
            case Replied():
                call.replies.append(notice)
            case Ended():
                call.close()
            case _:
                pass


def tone(duration_ms: int = 400, frequency_hz: float = 440.0) -> Pcm:
    """Return a tone at -12 dBFS."""
    samples = np.arange(duration_ms * SAMPLE_RATE // 1000)
    return (8192 * np.sin(2 * np.pi * frequency_hz * samples / SAMPLE_RATE)).astype(np.int16)
