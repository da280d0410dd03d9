"""Two dialogs talk through a wire that loses what it is told to lose, on a clock that is stepped."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from voicebot.testing.phone.dialog import Dialog, LocalEnd, State
from voicebot.testing.phone.incoming import IncomingCall
from voicebot.testing.phone.message import Address, Message, Request, Response, parse
from voicebot.testing.phone.notices import Answered, Asked, Ended, MediaChanged, Notice, Progress, Refused, Replied
from voicebot.testing.phone.outgoing import OutgoingCall
from voicebot.testing.phone.resend import LIFETIME_MS, T1_MS
from voicebot.testing.phone.sdp import Media

CALLER, BOT = Address("127.0.0.1", 5062), Address("127.0.0.1", 5060)
Loss = Callable[[Message], bool]


def counted_ids(prefix: str) -> Callable[[], str]:
    numbers = itertools.count()
    return lambda: f"{prefix}{next(numbers)}"


def is_request(message: Message, method: str) -> bool:
    return isinstance(message, Request) and message.method == method


def is_response(message: Message, code: int, method: str) -> bool:
    return isinstance(message, Response) and (message.code, message.cseq[1]) == (code, method)


class Timeline:
    """Both ends and the wire between them, at `now_ms`."""

    def __init__(self, loss: Loss = lambda _message: False) -> None:
        self.now_ms = 0
        self.loss = loss
        self.sent: list[tuple[int, Message]] = []
        self.heard: dict[str, list[Notice]] = {"caller": [], "bot": []}
        media = Media(Address("127.0.0.1", 4000), (0, 8))
        self.caller = OutgoingCall(LocalEnd("caller", CALLER), media, counted_ids("c"), "sip:100@127.0.0.1:5060")
        self.bot: IncomingCall | None = None

    def flow(self) -> None:
        """Carry messages to and fro until nobody has anything to send."""
        while True:
            moving: list[tuple[Dialog, Message, Address]] = [
                (self.caller, send, CALLER) for send in self._take(self.caller)
            ]
            if self.bot is not None:
                moving += [(self.bot, send, BOT) for send in self._take(self.bot)]
            self._note()
            if not moving:
                return
            for sender, message, source in moving:
                self.sent.append((self.now_ms, message))
                if not self.loss(message):
                    self._deliver(sender, parse(message.encode()), source)

    def run(self, until_ms: int) -> None:
        """Fire every timer up to `until_ms`."""
        while True:
            dialogs = [self.caller, *([self.bot] if self.bot else [])]
            timers = [timer for dialog in dialogs if (timer := dialog.next_timer()) is not None]
            if not timers or min(timers) > until_ms:
                self.now_ms = until_ms
                return
            self.now_ms = min(timers)
            for dialog in dialogs:
                dialog.handle_timer(self.now_ms)
            self.flow()

    def times_of(self, method: str) -> list[int]:
        return [at for at, message in self.sent if is_request(message, method)]

    def connect(self) -> "Timeline":
        self.caller.invite(self.now_ms)
        self.flow()
        assert self.bot is not None
        self.bot.accept(self.now_ms)
        self.flow()
        return self

    def _take(self, dialog: Dialog) -> list[Message]:
        sends, dialog.sends = dialog.sends, []
        return [send.message for send in sends]

    def _note(self) -> None:
        for name, dialog in (("caller", self.caller), ("bot", self.bot)):
            if dialog is not None:
                self.heard[name] += dialog.notices
                dialog.notices = []

    def _deliver(self, sender: Dialog, message: Message, source: Address) -> None:
        if sender is not self.caller:
            self.caller.receive(message, source, self.now_ms)
        elif self.bot is not None:
            self.bot.receive(message, source, self.now_ms)
        elif is_request(message, "INVITE"):
            assert isinstance(message, Request)
            media = Media(Address("127.0.0.1", 6000), (0,))
            self.bot = IncomingCall(LocalEnd("bot", BOT), media, counted_ids("b"), message, source)
            self.bot.ring()


def test_a_call_is_answered_and_ended() -> None:
    line = Timeline().connect()
    assert [type(notice) for notice in line.heard["caller"]] == [Progress, Answered]
    answered = line.heard["caller"][1]
    assert isinstance(answered, Answered)
    assert (answered.remote.address.port, answered.remote.codecs) == (6000, (0,))
    line.caller.hang_up(line.now_ms)
    line.flow()
    assert line.heard["caller"][-1] == Ended(by_peer=False)
    assert line.heard["bot"][-1] == Ended(by_peer=True)
    assert line.caller.next_timer() is None


def test_an_invite_is_repeated_at_doubling_intervals_until_given_up() -> None:
    line = Timeline(loss=lambda _message: True)
    line.caller.invite(0)
    line.flow()
    line.run(LIFETIME_MS)
    assert line.times_of("INVITE") == [0, 500, 1500, 3500, 7500, 15500, 31500]
    assert line.heard["caller"] == [Refused(408, "Request Timeout")]
    assert line.caller.state is State.ENDED


def test_a_reliable_transport_repeats_nothing() -> None:
    line = Timeline(loss=lambda _message: True)
    line.caller = OutgoingCall(LocalEnd("c", CALLER, "TCP"), line.caller.media, counted_ids("c"), "sip:100@127.0.0.1")
    line.caller.invite(0)
    line.flow()
    line.run(LIFETIME_MS)
    assert line.times_of("INVITE") == [0]
    assert line.heard["caller"] == [Refused(408, "Request Timeout")]


def test_a_lost_ack_brings_the_200_again_and_that_brings_the_ack_again() -> None:
    lost = iter([True])
    line = Timeline(loss=lambda message: is_request(message, "ACK") and next(lost, False)).connect()
    line.run(5 * T1_MS)
    assert line.times_of("ACK") == [0, T1_MS]
    assert sum(is_response(message, 200, "INVITE") for _, message in line.sent) == 2
    assert sum(isinstance(notice, Answered) for notice in line.heard["caller"]) == 1


def test_a_200_that_is_never_acknowledged_ends_in_bye() -> None:
    line = Timeline(loss=lambda message: is_request(message, "ACK")).connect()
    line.run(LIFETIME_MS)
    assert line.times_of("BYE") == [LIFETIME_MS]
    assert line.heard["caller"][-1] == Ended(by_peer=True)


def test_a_request_that_was_seen_before_gets_the_same_answer_and_does_nothing_twice() -> None:
    lost = iter([True])
    line = Timeline().connect()
    line.loss = lambda message: is_response(message, 200, "INFO") and next(lost, False)
    line.caller.request("INFO", line.now_ms)
    line.flow()
    line.run(T1_MS)
    assert line.times_of("INFO") == [0, T1_MS]
    assert sum(isinstance(notice, Asked) for notice in line.heard["bot"]) == 1
    assert line.heard["caller"][-1] == Replied("INFO", 200)


def test_cancel_waits_for_a_provisional_response() -> None:
    held = [True]
    line = Timeline(loss=lambda message: isinstance(message, Response) and held[0])
    line.caller.invite(0)
    line.flow()
    line.caller.hang_up(0)
    line.flow()
    assert line.times_of("CANCEL") == []
    held[0] = False
    line.run(T1_MS)
    assert line.times_of("CANCEL") == [T1_MS]
    assert line.heard["caller"][-1] == Refused(487, "Request Terminated")
    assert line.heard["bot"][-1] == Ended(by_peer=True)


def test_a_200_that_crosses_a_cancel_is_acknowledged_and_ended_by_bye() -> None:
    line = Timeline(loss=lambda message: is_request(message, "CANCEL"))
    line.caller.invite(0)
    line.flow()
    line.caller.hang_up(0)
    line.flow()
    assert line.bot is not None
    line.bot.accept(0)
    line.flow()
    assert line.times_of("ACK") == line.times_of("BYE") == [0]
    assert line.heard["bot"][-1] == Ended(by_peer=True)
    assert line.caller.state is State.ENDED


def test_a_cancel_that_leads_nowhere_ends_the_call_after_32_seconds() -> None:
    line = Timeline()
    line.caller.invite(0)
    line.flow()
    line.loss = lambda _message: True
    line.caller.hang_up(0)
    line.flow()
    line.run(LIFETIME_MS)
    assert line.caller.state is State.ENDED


def test_a_refusal_is_acknowledged_within_its_transaction() -> None:
    line = Timeline()
    line.caller.invite(0)
    line.flow()
    assert line.bot is not None
    line.bot.reject(486, 0)
    line.flow()
    line.run(LIFETIME_MS)
    invite, ack = (message for _, message in line.sent if is_request(message, "INVITE") or is_request(message, "ACK"))
    assert invite.branch == ack.branch
    assert "tag=" in ack.header("To")
    assert line.heard["caller"][-1] == Refused(486, "Busy Here")
    assert sum(is_response(message, 486, "INVITE") for _, message in line.sent) == 1


def test_hold_and_unhold() -> None:
    line = Timeline().connect()
    line.caller.offer("sendonly", line.now_ms)
    line.flow()
    changed = line.heard["bot"][-1]
    assert isinstance(changed, MediaChanged)
    assert changed.remote.direction == "sendonly"
    own = line.heard["caller"][-1]
    assert isinstance(own, MediaChanged)
    assert own.remote.direction == "recvonly"
    line.caller.offer("sendrecv", line.now_ms)
    line.flow()
    assert line.heard["bot"][-1] == replace(changed, remote=replace(changed.remote, direction="sendrecv"))


def test_offers_that_cross_are_refused_with_491() -> None:
    line = Timeline().connect()
    assert line.bot is not None
    line.caller.offer("sendonly", 0)
    line.bot.offer("inactive", 0)
    line.flow()
    assert line.heard["caller"][-1] == Replied("INVITE", 491)
    assert line.heard["bot"][-1] == Replied("INVITE", 491)
    assert line.caller.state is State.CONFIRMED


def test_an_unusable_offer_is_refused_with_488_and_the_call_goes_on() -> None:
    line = Timeline().connect()
    line.caller.media = replace(line.caller.media, codecs=(8,))
    line.caller.offer("sendrecv", 0)
    line.flow()
    assert line.heard["caller"][-1] == Replied("INVITE", 488)
    assert line.caller.state is State.CONFIRMED


def test_a_refer_waits_for_its_answer() -> None:
    line = Timeline().connect()
    assert line.bot is not None
    line.bot.request("REFER", 0, (("Refer-To", "<sip:agent@127.0.0.1>"),))
    line.flow()
    line.run(T1_MS)
    assert line.times_of("REFER") == [0, T1_MS]
    [asked] = [notice for notice in line.heard["caller"] if isinstance(notice, Asked)]
    line.caller.respond(asked.request, 202)
    line.flow()
    assert line.heard["bot"][-1] == Replied("REFER", 202)


def test_requests_after_the_end_find_no_call() -> None:
    line = Timeline().connect()
    assert line.bot is not None
    line.caller.hang_up(0)
    line.flow()
    line.bot.request("INFO", 0)
    line.flow()
    assert Replied("INFO", 481) in line.heard["bot"]


def test_a_request_out_of_order_is_refused_with_500() -> None:
    line = Timeline().connect()
    line.caller._local_cseq = 0
    line.caller.request("INFO", 0)
    line.flow()
    assert line.heard["caller"][-1] == Replied("INFO", 500)


@pytest.mark.parametrize("method", ["SUBSCRIBE", "PUBLISH"])
def test_unknown_requests_are_refused_with_501(method: str) -> None:
    line = Timeline().connect()
    line.caller.request(method, 0)
    line.flow()
    assert line.heard["caller"][-1] == Replied(method, 501)


def test_a_session_refresh_without_an_offer_is_confirmed() -> None:
    line = Timeline().connect()
    assert line.bot is not None
    line.bot.request("UPDATE", 0)
    line.flow()
    assert line.heard["bot"][-1] == Replied("UPDATE", 200)
    assert line.caller.state is State.CONFIRMED


def test_a_reinvite_without_an_offer_is_answered_with_ours() -> None:
    line = Timeline().connect()
    assert line.bot is not None
    line.bot.request("INVITE", 0)
    line.flow()
    changed = line.heard["bot"][-1]
    assert isinstance(changed, MediaChanged)
    assert changed.remote.address.port == 4000


def test_a_recorded_route_is_taken_backwards_and_sent_to_its_first_hop() -> None:
    line = Timeline()
    line.caller.invite(0)
    [invite] = [send.message for send in line.caller.sends]
    line.caller.sends = []
    routes = "<sip:127.0.0.1:7001;lr>, <sip:127.0.0.1:7002;lr>"
    echoed = tuple((name, value) for name, value in invite.headers if name in {"Via", "From", "Call-ID", "CSeq"})
    extra = (("To", "<sip:100@x>;tag=9"), ("Record-Route", routes), ("Contact", "<sip:bot@127.0.0.1:9000>"))
    body = Media(Address("127.0.0.1", 6000), (0,)).describe(1, 1)
    line.caller.receive(Response(headers=(*echoed, *extra), body=body, code=200, reason="OK"), BOT, 0)
    [ack] = line.caller.sends
    assert ack.destination == ("127.0.0.1", 7002)
    assert ack.message.header_lines("Route") == ["<sip:127.0.0.1:7002;lr>", "<sip:127.0.0.1:7001;lr>"]
    assert isinstance(ack.message, Request)
    assert ack.message.uri == "sip:bot@127.0.0.1:9000"
    assert ack.message.header("To") == "<sip:100@x>;tag=9"
