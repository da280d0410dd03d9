"""The configuration: defaults that run, a file, the environment over both, and what is told about mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.config import ConfigError, load_settings


def faults_of(path: Path | None, env: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(path, env)
    return str(caught.value).splitlines()


def test_defaults_run_on_this_machine_alone() -> None:
    settings = load_settings(None, {"HOME": "/x", "VOICEBOT_AGENT_URI": "sip:a@b"})
    assert (settings.sip.host, settings.sip.port, settings.web.host) == ("127.0.0.1", 5060, "127.0.0.1")
    assert settings.store_url == "sqlite:///data/voicebot.sqlite"


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "bot.yaml"
    file.write_text("sip:\n  port: 5070\n  account: {registrar: 'sip:pbx', user: bot}\nlog: {level: debug}\n")
    env = {
        "VOICEBOT_SIP__PORT": "5080",
        "VOICEBOT_SIP__CODECS": "PCMU, PCMA",
        "VOICEBOT_SIP__MAX_CALLS": "",
        "VOICEBOT_SIP__ACCOUNT__PASSWORD": "007",
    }
    settings = load_settings(file, env)
    assert settings.sip.port == 5080
    assert settings.sip.codecs == ("PCMU", "PCMA")
    assert settings.sip.max_calls is None
    assert settings.log.level == "debug"
    assert settings.sip.account is not None
    assert settings.sip.account.password.get_secret_value() == "007"
    assert "007" not in repr(settings)


def test_every_fault_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "bot.yaml"
    file.write_text("sip:\n  prt: 1\n  port: abc\n  codecs: [OPUS]\n")
    assert faults_of(file, {"VOICEBOT_WEB__PORT": "x"}) == [
        f"{file}:3:9: sip.port: must be a whole number but is 'abc' (correct it)",
        f"{file}:4:12: sip.codecs[0]: 'OPUS' is not a choice (use one of 'PCMU', 'PCMA' or 'G722')",
        f"{file}:2:3: sip.prt: this key is not known (did you mean 'port'?)",
        "VOICEBOT_WEB__PORT: web.port: must be a whole number but is 'x' (correct it)",
    ]


def test_a_variable_that_names_no_setting_is_told() -> None:
    (fault,) = faults_of(None, {"VOICEBOT_SIP__PRT": "1"})
    assert fault == "VOICEBOT_SIP__PRT: no setting has this name (did you mean VOICEBOT_SIP__PORT?)"


def test_secrets_in_the_file_are_refused_and_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "bot.yaml"
    file.write_text(
        "sip:\n  account: {registrar: 'sip:pbx', user: u, password: hush}\nstore: {url: 'postgresql://u:hush@db/x'}\n"
    )
    faults = faults_of(file, {})
    assert "VOICEBOT_SIP__ACCOUNT__PASSWORD" in faults[0]
    assert "VOICEBOT_STORE__URL" in faults[1]
    assert "hush" not in "".join(faults)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert faults_of(tmp_path / "no.yaml", {}) == [
        f"{tmp_path / 'no.yaml'}: the file does not exist (create it or correct the path)"
    ]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("URL", "localhost:6379", "cache.url"),
        ("URL", "redis://host:port/0", "write it as redis://HOST:PORT/DB"),
        ("URL", "redis:///0", "write it as redis://HOST:PORT/DB"),
        ("URL", "redis://host/first", "write it as redis://HOST:PORT/DB"),
        ("KEY", "short", "openssl rand -base64 32"),
    ],
)
def test_a_cache_that_cannot_be_used_is_told(name: str, value: str, told: str) -> None:
    (fault,) = faults_of(None, {f"VOICEBOT_CACHE__{name}": value})
    assert told in fault
    assert f"VOICEBOT_CACHE__{name}" in fault


def test_the_secrets_of_the_cache_stand_in_no_file(tmp_path: Path) -> None:
    file = tmp_path / "bot.yaml"
    file.write_text("cache:\n  url: redis://:hush@cache.example:6379/0\n  key: hush hush hush hush hush hush hush\n")
    key, url = sorted(faults_of(file, {}))[::-1]
    assert "VOICEBOT_CACHE__KEY" in key
    assert "VOICEBOT_CACHE__URL" in url
    assert "hush" not in key + url
    settings = load_settings(
        None, {"VOICEBOT_CACHE__URL": "rediss://user:hush@cache.example", "VOICEBOT_CACHE__KEY": ""}
    )
    assert "hush" not in repr(settings)
