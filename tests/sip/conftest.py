"""An echoing user agent on a free port, and the peers that call it."""

from __future__ import annotations

import re
import shutil
import socket
import struct
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from voicebot.sip.settings import SipSettings
from voicebot.sip.user_agent import UserAgent
from voicebot.testing.echo import EchoSwitchboard

SCENARIOS = Path(__file__).parent / "scenarios"


class EchoBot:
    """A user agent whose owner echoes."""

    def __init__(self, settings: SipSettings) -> None:
        self.switchboard = EchoSwitchboard()
        self.agent = UserAgent(settings, self.switchboard.admit)
        self.switchboard.answer = self.agent.answer
        self.agent.start()

    def fresh(self) -> EchoSwitchboard:
        """Forget the legs of the test before."""
        self.switchboard.legs.clear()
        self.switchboard.answer = self.agent.answer
        self.switchboard.decide = lambda _call: None
        return self.switchboard


@pytest.fixture(scope="module")
def start_bot() -> Iterator[Callable[..., EchoBot]]:
    """Start a bot with settings of one's own; the library allows one at a time, so the one before is stopped."""
    running: list[EchoBot] = []

    def start(**settings: object) -> EchoBot:
        while running:
            running.pop().agent.stop()
        defaults: dict[str, object] = {"host": "127.0.0.1", "port": 0, "rtp_port": 42_000}
        running.append(EchoBot(SipSettings(**{**defaults, **settings})))  # type: ignore[arg-type]
        return running[0]

    yield start
    while running:
        running.pop().agent.stop()


@pytest.fixture
def sipp(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a scenario against a port and demand that it went as written."""
    if shutil.which("sipp") is None:
        pytest.skip("sipp is missing: apt install sip-tester")

    def run(
        scenario: str, port: int, *options: str, keys: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        named = [part for key, value in (keys or {}).items() for part in ("-key", key, value)]
        command = ["sipp", f"127.0.0.1:{port}", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-i", "127.0.0.1", "-m", "1"]
        command += ["-mi", "127.0.0.1", "-s", "bot", "-nostdin", "-timeout", "20s", "-timeout_error", "-trace_err"]
        command += ["-trace_msg", *named, *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=40)
        traces = "".join(log.read_text(errors="replace") for log in sorted(tmp_path.glob("*.log")))
        # sipp leaves its logs beside the scenario file.
        for log in SCENARIOS.glob("*.log"):
            traces += log.read_text(errors="replace")
            log.unlink()
        assert done.returncode == 0, f"{scenario}: exit {done.returncode}\n{traces}"
        return subprocess.CompletedProcess(command, 0, traces, done.stderr)

    return run


class RawCaller:
    """A caller made of two UDP sockets. It shares no code with the bot and can misbehave."""

    def __init__(self, port: int) -> None:
        self.bot = ("127.0.0.1", port)
        self.sip, self.rtp = _udp(), _udp()
        # Its port may be the one after an earlier caller's RTP, where the last RTCP of that call still comes in.
        self.sip.connect(self.bot)
        self.sip_port, self.rtp_port = self.sip.getsockname()[1], self.rtp.getsockname()[1]
        self.call_id, self.tag = uuid.uuid4().hex, uuid.uuid4().hex[:8]
        self.to = f"<sip:bot@127.0.0.1:{port}>"
        self.remote_rtp = ("127.0.0.1", 0)
        self.sequence = 0

    def close(self) -> None:
        self.sip.close()
        self.rtp.close()

    def request(self, method: str, cseq: int, *, body: str = "", extra: str = "") -> bytes:
        uri = f"sip:bot@127.0.0.1:{self.bot[1]}"
        kind = "Content-Type: application/sdp\r\n" if body.startswith("v=0") else ""
        return (
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.sip_port};branch=z9hG4bK{uuid.uuid4().hex[:16]};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:raw@127.0.0.1>;tag={self.tag}\r\nTo: {self.to}\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {cseq} {method}\r\n"
            f"Contact: <sip:raw@127.0.0.1:{self.sip_port}>\r\n{extra}{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def send(self, method: str, cseq: int, *, body: str = "", extra: str = "") -> None:
        self.sip.send(self.request(method, cseq, body=body, extra=extra))

    def response(self, *, least: int = 200) -> str:
        """Wait for a response of at least that status, passing over requests of the bot."""
        while True:
            text = self.sip.recv(65_535).decode()
            if text.startswith("SIP/2.0") and int(text.split(" ")[1]) >= least:
                return text

    def sdp(self, formats: str = "0 101", direction: str = "sendrecv") -> str:
        return (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {self.rtp_port} RTP/AVP {formats}\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n"
            f"a={direction}\r\n"
        )

    def call(self, formats: str = "0 101", *, extra: str = "") -> str:
        """Place the call and acknowledge the final response, which is returned."""
        self.send("INVITE", 1, body=self.sdp(formats), extra=extra)
        answer = self.response()
        to = re.search(r"^To: (.*)\r$", answer, re.MULTILINE)
        assert to is not None
        self.to = to.group(1)
        self.send("ACK", 1)
        audio = re.search(r"^m=audio (\d+)", answer, re.MULTILINE)
        if audio is not None:
            self.remote_rtp = ("127.0.0.1", int(audio.group(1)))
        return answer

    def hang_up(self) -> None:
        self.send("BYE", 99)
        self.response()

    def speak(
        self, payload: bytes = b"\x10\x90" * 80, *, payload_type: int = 0, through: socket.socket | None = None
    ) -> None:
        """Send one RTP packet."""
        header = struct.pack(">BBHII", 0x80, payload_type, self.sequence & 0xFFFF, self.sequence * 160, 0x1234)
        self.sequence += 1
        (through or self.rtp).sendto(header + payload, self.remote_rtp)


def _udp() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(10)
    return made


@pytest.fixture
def raw_caller() -> Iterator[Callable[[int], RawCaller]]:
    callers: list[RawCaller] = []

    def make(port: int) -> RawCaller:
        callers.append(RawCaller(port))
        return callers[-1]

    yield make
    for caller in callers:
        caller.close()


@pytest.fixture
def udp_socket() -> Iterator[socket.socket]:
    with _udp() as made:
        yield made
