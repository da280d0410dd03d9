"""Which dialplan a number gets, and what a reload leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.config import AsrSettings, BrainSettings, Settings, TtsSettings
from voicebot.dialplan.commands import explain_route
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.registry import Dialplans, Routed
from voicebot.dialplan.routes import dialled
from voicebot.runtime.chains import described

ROUTES = """\
version: 1
routes:
  - {number: "+1 (555) 010-0100", dialplan: sales}
  - {prefix: "+1555", dialplan: local}
  - {prefix: "+1", dialplan: other}
default: other
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("sales", "local", "other"):
        (tmp_path / f"{name}.yaml").write_text("version: 1\nphrases: {greeting: Hello}\n")
    (tmp_path / "routes.yaml").write_text(ROUTES)
    return tmp_path


def loaded(folder: Path, default: str = "") -> Dialplans:
    dialplans, faults = Dialplans.load(folder, default)
    assert dialplans is not None, faults
    return dialplans


def routed(folder: Path, number: str, default: str = "") -> Routed:
    return on_route(loaded(folder, default), number)


def on_route(dialplans: Dialplans, number: str) -> Routed:
    found = dialplans.route(number)
    assert found is not None
    return found


def engines(_plan: Dialplan) -> dict[str, str]:
    return {"asr": "one, then another"}


@pytest.mark.parametrize(
    ("number", "dialplan", "rule"),
    [
        ("+15550100100", "sales", "number +1 (555) 010-0100"),
        ("sip:+15550100100@10.0.0.1;transport=udp", "sales", "number +1 (555) 010-0100"),
        ('"A B" <sip:+1-555-010-0100@x>', "sales", "number +1 (555) 010-0100"),
        ("+15550100101", "local", "prefix +1555"),
        ("+12", "other", "prefix +1"),
        ("bot", "other", "default"),
        ("", "other", "default"),
    ],
)
def test_exact_then_longest_prefix_then_default(folder: Path, number: str, dialplan: str, rule: str) -> None:
    found = routed(folder, number)
    assert (found.dialplan, found.rule, found.policy.name) == (dialplan, rule, dialplan)


def test_names_keep_their_signs() -> None:
    assert dialled("sip:front.desk@x") == "front.desk"
    assert dialled("tel:+1-555-0100") == "+15550100"


def test_a_default_of_the_configuration_takes_the_place_of_that_of_the_routes(folder: Path) -> None:
    assert routed(folder, "bot", "local").dialplan == "local"
    assert str(Dialplans.load(folder, "locl")[1][0]).endswith("(correct dialplans.default: did you mean 'local'?)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- {number: '1', dialplan: gone}", "3:29: routes[0].dialplan: there is no dialplan 'gone'"),
        ("- {number: '1', prefix: '2', dialplan: sales}", "routes[0]: a rule needs either a number or a prefix"),
        (
            "- {number: '1 2', dialplan: sales}\n  - {number: '12', dialplan: local}",
            "the number '12' is in rule 1 already",
        ),
        (
            "- {number: 12, dialplan: sales}",
            "3:14: routes[0].number: must be a text but is 12 (put it in quotation marks)",
        ),
    ],
)
def test_routes_are_checked(folder: Path, text: str, expected: str) -> None:
    (folder / "routes.yaml").write_text(f"version: 1\nroutes:\n  {text}\ndefault: other\n")
    dialplans, faults = Dialplans.load(folder)
    assert dialplans is None
    assert any(expected in str(fault) for fault in faults), faults


def test_a_reload_with_any_error_keeps_everything_as_it_was(folder: Path) -> None:
    dialplans = loaded(folder)
    pinned = on_route(dialplans, "bot").policy
    (folder / "sales.yaml").write_text("version: 1\nphrases: {greeting: New}\n")
    (folder / "local.yaml").write_text("version: 1\nphrases: {greeting: [\n")
    assert len(dialplans.reload()) == 1
    assert on_route(dialplans, "+15550100100").policy.call.phrases.greeting == "Hello"
    (folder / "local.yaml").write_text("version: 1\n")
    prepared: list[str] = []
    assert dialplans.reload(lambda policies: prepared.extend(policy.name for policy in policies)) == ()
    assert sorted(prepared) == ["local", "other", "sales"]
    assert on_route(dialplans, "+15550100100").policy.call.phrases.greeting == "New"
    assert pinned.call.phrases.greeting == "Hello"


def test_what_prepare_raises_keeps_the_last_good_ones(folder: Path) -> None:
    dialplans = loaded(folder)
    before = dialplans.policies()

    def refuse(_policies: object) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        dialplans.reload(refuse)
    assert dialplans.policies() == before


def test_without_a_default_a_number_that_no_rule_names_leads_nowhere(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "routes.yaml").write_text(ROUTES.replace("default: other\n", ""))
    assert loaded(folder).route("bot") is None
    assert routed(folder, "+15550100100").dialplan == "sales"
    assert explain_route(folder, "bot", engines) == 1
    assert "refused with 404" in capsys.readouterr().err
    assert routed(folder, "bot", "local").dialplan == "local", "the configuration may still name one"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (Settings(), {"asr": "moonshine", "brain": "playbook", "tts": "piper"}),
        (
            Settings(asr=AsrSettings(engine="vosk-server"), brain=BrainSettings(engine="openai", model="small")),
            {"asr": "vosk-server, then moonshine", "brain": "openai (small)", "tts": "piper"},
        ),
        (
            Settings(tts=TtsSettings(engine="openai", model="tts", voice="ann", fallbacks=())),
            {"asr": "moonshine", "brain": "playbook", "tts": "openai (tts ann)"},
        ),
    ],
)
def test_the_engines_that_a_call_gets_are_named(folder: Path, settings: Settings, told: dict[str, str]) -> None:
    assert described(routed(folder, "bot").policy.dialplan, settings) == told


def test_a_route_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain_route(Path("dialplans"), "+15550100100", engines) == 0
    told = capsys.readouterr().out
    assert "asr       one, then another\n" in told
    assert "harbor-lane" in told
    assert "the number is named" in told
