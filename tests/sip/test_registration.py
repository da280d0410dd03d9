"""Registering at a real registrar with digest authentication, and again after it was gone."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sip.conftest import EchoBot, RawCaller
from voicebot.core.events import CallEnded
from voicebot.sip.settings import SipAccount
from voicebot.sip.user_agent import Registration

pytestmark = pytest.mark.peers

CONFIGURATION = """#!KAMAILIO
debug=0
log_stderror=yes
children=1
tcp_children=1
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
auto_aliases=no
alias="127.0.0.1:{port}"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", 1)
request_route {{
  if (is_method("REGISTER")) {{
    if (!pv_www_authenticate("pbx", "s3cret", "0")) {{ www_challenge("pbx", "0"); exit; }}
    if (!save("location")) sl_reply_error();
    exit;
  }}
  if (is_method("INVITE")) record_route();
  if (is_method("CANCEL") && !t_check_trans()) exit;
  if (!has_totag() && !lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
  if (has_totag() && !loose_route()) {{ if (is_method("ACK") && t_check_trans()) t_relay(); exit; }}
  t_relay();
}}
"""


class Registrar:
    """A kamailio that can be stopped and started again on its port."""

    def __init__(self, directory: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.directory = directory
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        configuration = self.directory / "kamailio.cfg"
        configuration.write_text(CONFIGURATION.format(port=self.port))
        command = ["kamailio", "-f", str(configuration), "-DD", "-E", "-m", "64", "-M", "8", "-Y", str(self.directory)]
        with (self.directory / "kamailio.log").open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log)
        wait_until(self._listens)

    def _listens(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            pytest.fail(f"kamailio ended: {(self.directory / 'kamailio.log').read_text()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None


def wait_until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not met():
        assert time.monotonic() < deadline, "waited 15 s in vain"
        time.sleep(0.05)


@pytest.fixture
def registrar(tmp_path: Path) -> Iterator[Registrar]:
    if shutil.which("kamailio") is None:
        pytest.skip("kamailio is missing: apt install kamailio")
    made = Registrar(tmp_path)
    made.start()
    yield made
    made.stop()


def account(registrar: Registrar, password: str = "s3cret") -> SipAccount:
    uri = f"sip:127.0.0.1:{registrar.port};transport=tcp"
    return SipAccount(registrar=uri, user="bot", password=password, expires_s=3, retry_s=1, refresh_ahead_s=2)


def test_the_bot_registers_is_called_through_the_registrar_and_comes_back_after_an_outage(
    start_bot: Callable[..., EchoBot], registrar: Registrar, raw_caller: Callable[[int], RawCaller]
) -> None:
    bot = start_bot(account=account(registrar))
    wait_until(lambda: bot.agent.registration.active)
    assert bot.agent.registration == Registration(active=True, code=200, reason="OK")

    registrar.stop()
    wait_until(lambda: not bot.agent.registration.active)
    registrar.start()
    wait_until(lambda: bot.agent.registration.active)

    caller = raw_caller(registrar.port)
    caller.send("INVITE", 1, body=caller.sdp())
    assert caller.response().startswith("SIP/2.0 200")
    leg = bot.switchboard.wait_for_leg()
    assert (leg.call.called, leg.call.transport) == ("bot", "TCP")
    bot.agent.stop()
    assert leg.wait_for(CallEnded)
    late = raw_caller(registrar.port)
    late.send("INVITE", 1, body=late.sdp())
    assert late.response().startswith("SIP/2.0 404")


def test_a_wrong_password_is_reported(start_bot: Callable[..., EchoBot], registrar: Registrar) -> None:
    bot = start_bot(account=account(registrar, password="wrong"))
    wait_until(lambda: bot.agent.registration.code == 401)
    assert not bot.agent.registration.active
