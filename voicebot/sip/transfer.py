"""What became of a REFER, read from the messages themselves (RFC 3515, RFC 3420).

The library's own transfer status is no evidence: it shows acceptance as 100, makes up a final 200 when the peer wants
no subscription, and says nothing at all about a NOTIFY whose sipfrag is not valid.
"""

from __future__ import annotations

from voicebot.core.events import TransferReport, TransferReported
from voicebot.sip.message import parse_message, status_of

FIRST_FINAL = 200
_CHALLENGES = (401, 407)


class ReferWatch:
    """Follows one REFER. Pure: messages in, reports out."""

    def __init__(self, transfer: int, *, answers_challenge: bool) -> None:
        """Follow the REFER of `transfer`. With `answers_challenge`, the first 401 or 407 is only a step on the way."""
        self._transfer = transfer
        self._challenge_open = answers_challenge
        self._final_seen = False
        self._cseq = ""
        self.succeeded = False
        """A NOTIFY with a 2xx was really received."""

    def on_response(self, code: int, text: str = "") -> TransferReported | None:
        """Take a response to the REFER: its status (time-outs count as 408) and the whole message, if one came."""
        if code < FIRST_FINAL:
            return None
        self._cseq = parse_message(text).header("CSeq").split(" ", 1)[0]
        if code in _CHALLENGES and self._challenge_open:
            self._challenge_open = False
            return None
        return TransferReported(self._transfer, TransferReport.RESPONSE, code)

    def on_notify(self, text: str) -> tuple[TransferReported, ...]:
        """Take a whole NOTIFY request. Those of other event packages say nothing."""
        message = parse_message(text)
        package, *parameters = (part.strip().lower() for part in message.header("Event").split(";"))
        if package != "refer" or self._is_of_another_refer(parameters):
            return ()
        is_fragment = message.header("Content-Type").split(";", 1)[0].strip().lower() == "message/sipfrag"
        code = status_of(message.body) if is_fragment else 0
        reports = [TransferReported(self._transfer, TransferReport.NOTIFY, code)]
        if code >= FIRST_FINAL:
            self._final_seen = True
            self.succeeded = self.succeeded or code // 100 == FIRST_FINAL // 100
        state = message.header("Subscription-State").split(";", 1)[0].strip().lower()
        if state == "terminated" and not self._final_seen:
            reports.append(TransferReported(self._transfer, TransferReport.TERMINATED, code))
        return tuple(reports)

    def _is_of_another_refer(self, parameters: list[str]) -> bool:
        """Compare the event's `id` with our CSeq, which it repeats from the second REFER on (RFC 3515, 2.4.6)."""
        ids = [parameter.removeprefix("id=") for parameter in parameters if parameter.startswith("id=")]
        return bool(ids and self._cseq) and ids[0] != self._cseq
