"""A whole call with a softphone that is nobody's test tool: two-way audio, and DTMF as it sends it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.sip.conftest import EchoBot
from voicebot.core.events import CallAnswered, CallEnded, EndCause
from voicebot.sip.legs import DtmfDigit, DtmfMethod

pytestmark = pytest.mark.peers

RATE = 8_000
CONFIGURATION = """poll_method epoll
sip_listen 127.0.0.1:0
net_interface 127.0.0.1
audio_source aufile,{directory}/said.wav
audio_player aubridge,nobody
audio_alert aufile,{directory}/said.wav
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
snd_path {directory}
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{port}
"""


class Softphone:
    """A running baresip and its control connection (netstrings of JSON)."""

    def __init__(self, directory: Path) -> None:
        modules = next(Path("/usr/lib").glob("**/baresip/modules"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        (directory / "config").write_text(CONFIGURATION.format(directory=directory, modules=modules, port=port))
        (directory / "accounts").write_text("<sip:alice@127.0.0.1>;regint=0;audio_codecs=PCMU/8000\n")
        (directory / "contacts").write_text("")
        self.process = subprocess.Popen(
            ["baresip", "-f", str(directory)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        self.control = self._connect(port)

    def _connect(self, port: int) -> socket.socket:
        deadline = time.monotonic() + 10
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port))
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, "baresip does not listen"
                time.sleep(0.05)

    def tell(self, command: str, argument: str = "") -> None:
        message = json.dumps({"command": command, "params": argument}).encode()
        self.control.sendall(b"%d:%s," % (len(message), message))

    def stop(self) -> None:
        self.control.close()
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def softphone(tmp_path: Path) -> Iterator[Softphone]:
    if shutil.which("baresip") is None:
        pytest.skip("baresip is missing: apt install baresip-core")
    times = np.arange(RATE * 10) / RATE
    tone = (8_000 * np.sin(2 * np.pi * 1_000 * times)).astype("<i2")
    with wave.open(str(tmp_path / "said.wav"), "wb") as said:
        said.setnchannels(1)
        said.setsampwidth(2)
        said.setframerate(RATE)
        said.writeframes(tone.tobytes())
    made = Softphone(tmp_path)
    yield made
    made.stop()


def test_baresip_hears_its_own_tone_and_its_digits_arrive(
    start_bot: Callable[..., EchoBot], softphone: Softphone, tmp_path: Path
) -> None:
    bot = start_bot()
    softphone.tell("dial", f"sip:bot@127.0.0.1:{bot.agent.port}")
    leg = bot.switchboard.wait_for_leg()
    assert leg.wait_for(CallAnswered) == [CallAnswered("PCMU")]
    deadline = time.monotonic() + 10
    while leg.loop.heard < 75:
        assert time.monotonic() < deadline, "no sound came"
        time.sleep(0.05)
    softphone.tell("sndcode", "4")
    assert leg.wait_for(DtmfDigit) == [DtmfDigit("4", DtmfMethod.RFC4733)]
    softphone.tell("hangup")
    assert leg.wait_for(CallEnded) == [CallEnded(EndCause.CALLER_HUNG_UP, 200)]
    softphone.stop()
    heard = next(tmp_path.glob("dump-*-dec.wav"))
    samples = np.frombuffer(heard.read_bytes()[44:], "<i2").astype(float)
    loud = samples[np.abs(samples) > 2_000]
    assert len(loud) > RATE // 2
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert abs(np.argmax(spectrum) * RATE / len(samples) - 1_000) < 5
