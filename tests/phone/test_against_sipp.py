"""An independent check of the signalling: sipp answers by its own reading of RFC 3261."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from voicebot.testing.phone import AgentPhone, CallFailed, Phone

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="sipp is missing: apt-get install sip-tester"),
]

ECHO = "[last_Via:]\n[last_From:]\n[last_To:];tag=[call_number]\n[last_Call-ID:]\n[last_CSeq:]\n"
PLAIN_ECHO = ECHO.replace(";tag=[call_number]", "")
CONTACT = "Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>\n"
ANSWER = (
    f"SIP/2.0 200 OK\n{ECHO}[last_Record-Route:]\n{CONTACT}Content-Type: application/sdp\nContent-Length: [len]\n\n"
    "v=0\no=- 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [media_ip]\nt=0 0\n"
    "m=audio [media_port] RTP/AVP 0\na=rtpmap:0 PCMU/8000\n"
)
REFER = (
    "REFER sip:caller@[remote_ip]:[remote_port] SIP/2.0\n"
    "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
    "From: <sip:100@[local_ip]>;tag=[call_number]\nTo: [$from]\nCall-ID: [call_id]\nCSeq: 1 REFER\n"
    f"{CONTACT}Refer-To: <TARGET>\nMax-Forwards: 70\nContent-Length: 0\n"
)
BYE_ANSWERED = f'<recv request="BYE"/>{{send}}SIP/2.0 200 OK\n{PLAIN_ECHO}Content-Length: 0\n{{end}}'


def scenario(body: str) -> str:
    """Write out `{send}` and `{end}`; every scenario begins by receiving an INVITE."""
    opened = body.replace("{send}", "<send><![CDATA[\n").replace("{end}", "\n]]></send>")
    kept = '<ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>'
    first = f'<recv request="INVITE"><action>{kept}</action></recv><Reference variables="from"/>'
    return f'<?xml version="1.0"?><scenario name="peer">{first}{opened}</scenario>'


@pytest.fixture
def sipp(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(body: str) -> str:
        path = tmp_path / "scenario.xml"
        path.write_text(scenario(body))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = f"-i 127.0.0.1 -mi 127.0.0.1 -p {port} -m 1 -nostdin -timeout 20s -timeout_error".split()
        started.append(subprocess.Popen(["sipp", "-sf", str(path), *options], cwd=tmp_path, stdout=subprocess.DEVNULL))
        return f"sip:100@127.0.0.1:{port}"

    yield start
    for process in started:
        try:
            assert process.wait(timeout=25) == 0, "sipp saw something that it did not expect"
        finally:
            process.kill()
            process.wait()


def test_a_call_is_answered_acknowledged_and_ended(sipp: Callable[[str], str]) -> None:
    target = sipp(
        f"{{send}}SIP/2.0 180 Ringing\n{ECHO}{CONTACT}Content-Length: 0\n{{end}}{{send}}{ANSWER}{{end}}"
        f'<recv request="ACK"/>{BYE_ANSWERED}'
    )
    with Phone() as phone:
        phone.dial(target)
        phone.wait_answered()
        phone.hang_up()
        assert phone.ended


def test_a_refusal_is_acknowledged(sipp: Callable[[str], str]) -> None:
    target = sipp(f'{{send}}SIP/2.0 503 Busy\n{ECHO}Retry-After: 1\nContent-Length: 0\n{{end}}<recv request="ACK"/>')
    with Phone() as phone:
        phone.dial(target)
        with pytest.raises(CallFailed) as failed:
            phone.wait_answered()
    assert failed.value.code == 503


def test_a_ringing_call_is_cancelled(sipp: Callable[[str], str]) -> None:
    invite_gone = ECHO.replace("[last_CSeq:]", "CSeq: 1 INVITE")
    target = sipp(
        f'{{send}}SIP/2.0 180 Ringing\n{ECHO}{CONTACT}Content-Length: 0\n{{end}}<recv request="CANCEL"/>'
        f"{{send}}SIP/2.0 200 OK\n{ECHO}Content-Length: 0\n{{end}}"
        f'{{send}}SIP/2.0 487 Request Terminated\n{invite_gone}Content-Length: 0\n{{end}}<recv request="ACK"/>'
    )
    with Phone() as phone:
        phone.dial(target)
        with pytest.raises(CallFailed, match="no answer"):
            phone.wait_answered(timeout_ms=300)
        phone.hang_up(timeout_ms=5000)
        assert phone.ended


def test_a_refer_is_accepted_tried_and_reported(sipp: Callable[[str], str]) -> None:
    notified = f'<recv request="NOTIFY"/>{{send}}SIP/2.0 200 OK\n{PLAIN_ECHO}Content-Length: 0\n{{end}}'
    with AgentPhone() as human, Phone() as phone:
        refer = REFER.replace("TARGET", human.uri)
        target = sipp(
            f'{{send}}{ANSWER}{{end}}<recv request="ACK"/>{{send}}{refer}{{end}}<recv response="202"/>'
            f"{notified}{notified}{BYE_ANSWERED}"
        )
        phone.dial(target)
        phone.wait_answered()
        transfer = phone.wait_transferred(timeout_ms=5000)
        assert transfer is not None
        assert transfer.code == 200
        phone.hang_up()
        assert phone.ended
