"""Things that break around a running bot: each is named in one line of the log, and no call suffers."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calls.conftest import StartBot
from tests.calls.scene import Bot, caller, eventually, write_dialplans
from voicebot.store.database import Store
from voicebot.testing.bot_process import HOST
from voicebot.testing.phone import Phone
from voicebot.testing.speech import line


def asks_for_sunday(bot: Bot, phone: Phone) -> None:
    phone.say(line("hours_sunday"))
    bot.await_spoken(phone, "On Sunday we are open")
    assert phone.wait_bot_quiet(500)


def test_a_reload_is_all_or_nothing_and_leaves_running_calls_alone(start_bot: StartBot) -> None:
    bot = start_bot()
    file = bot.data_dir.parent / "dialplans" / "harbor-lane.yaml"
    good = file.read_text()
    with caller(bot) as phone:
        file.write_text(f"{good}\ngreting: hello\n")
        bot.signal(signal.SIGHUP)
        (told,) = bot.await_log("dialplans not reloaded, the last good ones stay")
        assert f"harbor-lane.yaml:{len(file.read_text().splitlines())}:1" in told
        with caller(bot) as other:
            assert bot.began(other) == ["Harbor Lane Bicycles."]
        write_dialplans(file.parent, {"phrases": {"greeting": "Good day."}, "knowledge": {"shipping": {"bicycle": 50}}})
        bot.signal(signal.SIGHUP)
        bot.await_log("dialplans reloaded")
        phone.say(line("shipping_express"))
        bot.await_spoken(phone, "A whole bicycle costs 49 dollars.")
    with caller(bot) as phone:
        assert bot.began(phone) == ["Good day."]


def test_a_locked_database_gets_its_record_later(start_bot: StartBot) -> None:
    bot = start_bot()
    lock = sqlite3.connect(bot.data_dir / "voicebot.sqlite", isolation_level=None)
    try:
        lock.execute("BEGIN IMMEDIATE")
        with caller(bot) as phone:
            asks_for_sunday(bot, phone)
        bot.await_log("call record could not be stored; its journal holds it")
        lock.execute("ROLLBACK")
    finally:
        lock.close()
    assert bot.stop() == 0
    record, turns = bot.record(phone)
    assert (record.disposition, len(turns)) == ("caller_hung_up", 1)


@pytest.mark.slow
def test_a_database_that_is_gone_costs_no_call(start_bot: StartBot) -> None:
    pytest.importorskip("psycopg")
    with socket.socket() as taken:
        taken.bind((HOST, 0))  # bound and not listening: connections are refused
        port = taken.getsockname()[1]
        bot = start_bot(VOICEBOT_STORE__URL=f"postgresql+psycopg://bot:secret@{HOST}:{port}/calls")
        with caller(bot) as phone:
            asks_for_sunday(bot, phone)
            phone.hang_up()
            eventually(lambda: bot.journal(phone).end, "the journal's end")
        bot.await_log("call record could not be stored; its journal holds it")
        assert bot.get("/health").status == 200
        assert bot.stop() == 0
    assert "secret" not in bot.log.read_text()


def test_a_busy_web_port_costs_no_call(start_bot: StartBot) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        bot = start_bot(VOICEBOT_WEB__PORT=str(port))
        (told, *_) = bot.await_log("cannot serve HTTP")
        assert f"{HOST}:{port}" in told
        assert "web.port" in told
        with caller(bot) as phone:
            asks_for_sunday(bot, phone)
    assert "Traceback" not in bot.log.read_text()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A data directory whose journals have room for a few seconds of audio."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    journals = tmp_path / "data" / "journals"
    journals.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(journals)], check=False)
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        yield tmp_path / "data"
    finally:
        subprocess.run(["umount", "--lazy", str(journals)], check=True)


@pytest.mark.slow
def test_a_full_disk_is_told_once_and_the_call_goes_on(tiny_disk: Path) -> None:
    dialplans = write_dialplans(tiny_disk.parent / "dialplans")
    with Bot(tiny_disk, {"VOICEBOT_DIALPLANS__PATH": str(dialplans)}) as bot:
        with Phone() as phone:
            bot.dial(phone)
            for count in (1, 2):
                assert phone.wait_bot_speaks(after_ms=phone.last_acted_ms) is not None
                assert phone.wait_bot_quiet(700)
                phone.say(line("hours_sunday" if count == 1 else "hours_saturday"))
            assert phone.wait_bot_speaks() is not None
            assert not phone.ended
        told = bot.await_log("journal cannot be written")
        assert len(told) == 1
        assert "No space left" in told[0]
        store = Store(f"sqlite:///{tiny_disk / 'voicebot.sqlite'}")
        record = eventually(lambda: [r for r in store.calls() if r.disposition != "active"], "the record")[0]
        store.close()
    assert (record.disposition, record.turns, record.replayable) == ("caller_hung_up", 2, False)
    assert "Traceback" not in bot.log.read_text()


def test_strange_packets_in_a_call_are_passed_over(bot: Bot) -> None:
    with caller(bot) as phone:
        leg = phone._legs[0].line
        assert leg._remote is not None
        to = (leg._remote.address.host, leg._remote.address.port)
        unknown_type = struct.pack("!BBHII", 0x80, 77, 1, 160, 9) + bytes(160)
        wrong_size = struct.pack("!BBHII", 0x80, 0, 2, 320, 9) + bytes(7)
        huge = struct.pack("!BBHII", 0x80, 0, 3, 480, 9) + bytes(1400)
        lies_about_its_header = struct.pack("!BBHII", 0xBF, 0, 4, 640, 9)
        for packet in (unknown_type, wrong_size, huge, lies_about_its_header, b"", b"\x80", os.urandom(200)):
            for _ in range(5):
                leg._socket.sendto(packet, to)
        asks_for_sunday(bot, phone)


def test_malformed_sip_during_a_call_is_passed_over(bot: Bot) -> None:
    invite = b"INVITE sip:100@127.0.0.1 SIP/2.0\r\n"
    strange_headers = invite + b"Via: nonsense\r\nFrom: \r\nCSeq: x INVITE\r\nContent-Length: 9999\r\n\r\n"
    bye_of_no_call = (
        b"BYE sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
        b"To: <sip:100@127.0.0.1>;tag=2\r\nCall-ID: none\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
    )
    ok_to_nothing = b"SIP/2.0 200 OK\r\n\r\n"
    noise = os.urandom(600)
    messages = (b"\r\n\r\n", b"INVITE", invite + b"\r\n", strange_headers, bye_of_no_call, ok_to_nothing, noise)
    with caller(bot) as phone:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for message in messages:
                stranger.sendto(message, (HOST, bot.port))
        with socket.create_connection((HOST, bot.port)) as stranger:
            stranger.sendall(strange_headers + noise)
        asks_for_sunday(bot, phone)
