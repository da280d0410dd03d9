"""A caller's phone and an agent's phone on loopback, with real sockets and real time."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from voicebot.testing.phone import AgentPhone, CallFailed, Phone, Recording, ReferPolicy, sdp
from voicebot.testing.phone.agent import AgentCall, Answering, tone
from voicebot.testing.speech import read_wav


@pytest.fixture
def agent() -> Iterator[AgentPhone]:
    with AgentPhone() as phone:
        yield phone


@pytest.fixture
def caller() -> Iterator[Phone]:
    with Phone() as phone:
        yield phone


def connected(caller: Phone, agent: AgentPhone) -> AgentCall:
    caller.dial(agent.uri)
    caller.wait_answered()
    call = agent.wait_call()
    assert call is not None
    return call


def loud_samples(recording: Recording) -> int:
    heard = np.concatenate([frame.pcm for frame in recording.heard])
    return int((np.abs(heard.astype(int)) > 1000).sum())


@pytest.mark.parametrize("codec", [sdp.PCMU, sdp.PCMA])
def test_both_hear_each_other(agent: AgentPhone, codec: int, tmp_path: Path) -> None:
    with Phone(codecs=(codec,)) as caller:
        call = connected(caller, agent)
        began_ms = caller.wait_bot_speaks(after_ms=0)
        assert began_ms is not None
        assert caller.wait_bot_quiet(200)
        said = caller.say(tone(300))
        assert said.end_ms > said.onset_ms
        caller.hang_up()
        assert caller.ended
        assert not caller.ended_by_peer
        assert agent.wait_ended()
    assert loud_samples(caller.recording) > 2500
    assert loud_samples(call.recording) > 1800
    caller.recording.save(tmp_path / "call.wav")
    assert np.abs(read_wav(tmp_path / "call.wav").astype(int)).max() > 8000


@pytest.mark.parametrize(
    ("transport", "target", "reason"),
    [("udp", "sip:a@192.0.2.9", "Invalid argument"), ("tcp", "sip:a@127.0.0.1:1;transport=tcp", "Connection refused")],
)
def test_a_call_that_cannot_be_sent_fails_at_once(transport: str, target: str, reason: str) -> None:
    with Phone("127.0.0.1", transport=transport) as caller:
        caller.dial(target)
        with pytest.raises(CallFailed, match=f"not sent from 127.0.0.1 to .*: {reason}"):
            caller.wait_answered(timeout_ms=400)  # before the first repetition would be due


def test_over_tcp() -> None:
    with AgentPhone(transport="tcp") as agent, Phone(transport="tcp") as caller:
        connected(caller, agent)
        agent.hang_up()
        assert caller.wait_ended(5000)
        assert caller.ended_by_peer


def test_keys_arrive_in_rtp_and_by_info(agent: AgentPhone, caller: Phone) -> None:
    call = connected(caller, agent)
    caller.press("48#")
    caller.press("7", by_info=True)
    caller.hang_up()
    assert call.recording.keys == ["4", "8", "#"]
    assert [request.method for request in call.requests] == ["INFO"]
    assert b"Signal=7" in call.requests[0].body
    with pytest.raises(CallFailed):
        caller.press("1")


def test_what_is_no_key_is_refused(agent: AgentPhone, caller: Phone) -> None:
    connected(caller, agent)
    with pytest.raises(ValueError, match="keys are among"):
        caller.press("12x")


def test_on_hold_nothing_is_sent_and_after_it_everything_is(agent: AgentPhone, caller: Phone) -> None:
    call = connected(caller, agent)
    caller.hold()
    assert caller.wait_media_changed()
    assert caller.remote_direction == "recvonly"
    caller.unhold()
    assert caller.wait_media_changed()
    assert caller.remote_direction == "sendrecv"
    heard = len(call.recording.heard)
    caller.say(tone(100))
    caller.hang_up()
    assert len(call.recording.heard) >= heard + 5


def test_a_muted_phone_sends_nothing_and_a_new_source_is_heard(agent: AgentPhone, caller: Phone) -> None:
    call = connected(caller, agent)
    caller.say(tone(60))
    caller.mute()
    sent = len(caller.recording.sent)
    caller.say(tone(60))
    assert len(caller.recording.sent) <= sent + 1
    caller.mute(muted=False)
    caller.change_source()
    caller.say(tone(200))
    caller.hang_up()
    assert loud_samples(call.recording) > 1800


def test_a_busy_agent_is_a_failed_call(caller: Phone) -> None:
    with AgentPhone(answering=Answering.BUSY) as agent:
        caller.dial(agent.uri)
        with pytest.raises(CallFailed) as failed:
            caller.wait_answered()
    assert failed.value.code == 486


def test_a_call_that_only_rings_can_be_cancelled(caller: Phone) -> None:
    with AgentPhone(answering=Answering.RING) as agent:
        caller.dial(agent.uri)
        with pytest.raises(CallFailed, match="no answer within"):
            caller.wait_answered(timeout_ms=100)
        caller.hang_up()
        assert caller.ended
        with pytest.raises(CallFailed) as failed:
            caller.wait_answered()
        assert failed.value.code == 487
        assert agent.calls[0].ended


def test_a_refer_is_followed_and_reported(agent: AgentPhone, caller: Phone) -> None:
    headers = (("User-to-User", "6869;encoding=hex"), ("X-Handoff-Id", "42"))
    with AgentPhone(user="human") as human:
        first = connected(caller, agent)
        agent.refer(f"{human.uri};handoff=7", headers)
        transfer = caller.wait_transferred(5000)
        assert transfer is not None
        assert transfer.code == 200
        second = human.wait_call()
        assert second is not None
        assert second.invite.uri.endswith(";handoff=7")
        assert second.invite.header("User-to-User") == "6869;encoding=hex"
        assert second.invite.header("X-Handoff-Id") == "42"
        assert second.invite.header("Referred-By") == f"<{agent.uri}>"
        agent.hang_up()
        assert agent.wait_ended()
        assert not caller.ended
        caller.say(tone(100))
        assert caller.wait_bot_quiet(100)
        human.hang_up()
        assert caller.wait_ended(5000)
    assert [request.body for request in first.requests] == [b"SIP/2.0 100 Trying\r\n", b"SIP/2.0 200 OK\r\n"]
    assert first.requests[-1].header("Subscription-State").startswith("terminated")
    assert {frame.leg for frame in caller.recording.heard} >= {1}
    assert loud_samples(second.recording) > 600


def test_a_transfer_to_a_busy_target_is_reported_and_the_call_goes_on(agent: AgentPhone, caller: Phone) -> None:
    with AgentPhone(answering=Answering.BUSY) as human:
        first = connected(caller, agent)
        agent.refer(human.uri)
        transfer = caller.wait_transferred(5000)
        assert transfer is not None
        assert transfer.code == 486
        caller.say(tone(100))
        assert not caller.ended
        caller.hang_up()
    assert first.requests[-1].body == b"SIP/2.0 486 Busy Here\r\n"


@pytest.mark.parametrize(
    ("policy", "code"),
    [(ReferPolicy.DECLINE, 603), (ReferPolicy.ACCEPT_SILENT, 202)],
)
def test_a_refer_that_leads_nowhere(agent: AgentPhone, caller: Phone, policy: ReferPolicy, code: int) -> None:
    caller.refer_policy = policy
    first = connected(caller, agent)
    agent.refer("sip:nobody@127.0.0.1:9")
    assert caller.wait_transferred(5000) is not None
    caller.hang_up()
    assert ("REFER", code) in [(reply.method, reply.code) for reply in first.replies]
    assert first.requests == []


def test_speech_is_cut_off_when_the_call_ends(agent: AgentPhone, caller: Phone) -> None:
    connected(caller, agent)
    speech = caller.start_saying(tone(5000))
    agent.hang_up()
    assert caller.wait_ended(5000)
    speech.done.wait(5)
    assert speech.stretch is None
    with pytest.raises(CallFailed):
        caller.say(tone(20))


def test_garbage_on_the_wire_harms_no_call(agent: AgentPhone, caller: Phone) -> None:
    connected(caller, agent)
    agent._endpoint._socket.sendto(b"INVITE garbage\r\n\r\n", caller.address)
    agent._endpoint._socket.sendto(
        b"BYE sip:x SIP/2.0\r\nCall-ID: " + caller.call_id.encode() + b"\r\n\r\n", caller.address
    )
    caller.say(tone(60))
    assert not caller.ended
    assert caller._endpoint.malformed == 2
