"""Every error of a dialplan is told with its place, its key and a remedy, and all of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.dialplan.commands import check
from voicebot.dialplan.loading import load_dialplan
from voicebot.dialplan.policy import Policy, SecretMissingError, resolve

HEAD = "version: 1\n"
SLOTS = "slots:\n  number: {kind: digits, length: 5, prompt: Which?}\n"
CONNECTORS = "connectors:\n  lookup: {entry: 'json:loads', parameters: {id: {}}}\n"

CASES = {
    "syntax": ("a: [1\nb: 2\n", "2:2: expected ',' or ']'"),
    "tab": ("version: 1\nphrases:\n\tgreeting: x\n", "3:1: a tab indents this line (use spaces)"),
    "control character": ("a: \x07\n", "1:4: the character U+0007 is not allowed"),
    "colon": (HEAD + "tenant: a: b\n", "2:10: mapping values are not allowed here (quote a text that holds ': '"),
    "empty": ("", "1:1: the file is empty"),
    "not a mapping": ("- 1\n", "1:1: must be a mapping of keys"),
    "duplicate key": (HEAD + "tenant: a\ntenant: b\n", "3:1: tenant: the key is there twice, first in line 2"),
    "recursive alias": (HEAD + "knowledge: &k\n  a: *k\n", "a: an alias refers to what it is part of"),
    "unknown key": (
        HEAD + "phrases:\n  greting: Hi\n",
        "3:3: phrases.greting: this key is not known (did you mean 'greeting'?",
    ),
    "missing version": ("tenant: a\n", "1:1: version: this key is missing"),
    "wrong type": (HEAD + "budgets:\n  hard_ms: soon\n", "3:12: budgets.hard_ms: must be a whole number but is 'soon'"),
    "number for text": (HEAD + "tenant: 5\n", "2:9: tenant: must be a text but is 5 (put it in quotation marks)"),
    "unknown engine": (
        HEAD + "asr: {engine: ears}\n",
        "2:15: asr.engine: 'ears' is not a choice (use one of 'moonshine'",
    ),
    "engine that is not built": (HEAD + "brain: {engine: oracle}\n", "2:17: brain.engine: 'oracle' is not a choice"),
    "key that nothing reads": (HEAD + "brain: {fact_gates: true}\n", "2:9: brain.fact_gates: this key is not known"),
    "no time at all": (
        HEAD + "no_input: {initial_ms: 0}\n",
        "2:24: no_input.initial_ms: 0: input should be greater than or equal to 1000",
    ),
    "no patience": (
        HEAD + "budgets: {tts_first_ms: 0}\n",
        "2:25: budgets.tts_first_ms: 0: input should be greater than or equal to 100",
    ),
    "no function": (
        HEAD + "connectors: {a: {entry: 'json:nosuch'}}\n",
        "2:25: connectors.a.entry: the module 'json' has no 'nosuch' (correct the name)",
    ),
    "not a function": (
        HEAD + "connectors: {a: {entry: 'json:decoder'}}\n",
        "2:25: connectors.a.entry: 'decoder' in 'json' is not a function (name one)",
    ),
    "kept with side effects": (
        HEAD
        + "connectors: {a: {entry: 'json:loads', side_effect: reversible, confirm: 'Shall I?', cache: {ttl_s: 9}}}\n",
        "connectors.a.cache.ttl_s: results of a connector with side effects are not kept (remove it)",
    ),
    "kept and secret": (
        HEAD + "connectors: {a: {entry: 'json:loads', cache: {ttl_s: 9, outcomes: [x]}}}\n",
        "connectors.a.cache.ttl_s: what is secret is not kept (add 'sensitivity: personal' or 'public'",
    ),
    "kept whatever it is": (
        HEAD + "connectors: {a: {entry: 'json:loads', cache: {ttl_s: 9, sensitivity: public}}}\n",
        "connectors.a.cache.ttl_s: no outcome may be kept (list them",
    ),
    "kept for ever": (
        HEAD + "connectors: {a: {entry: 'json:loads', cache: {ttl_s: 86401}}}\n",
        "connectors.a.cache.ttl_s: 86401: input should be less than or equal to 86400",
    ),
    "drops without reason": (
        HEAD + "connectors: {a: {entry: 'json:loads', cache: {invalidates: [a]}}}\n",
        "connectors.a.cache.invalidates: a connector without side effects makes nothing untrue (remove it)",
    ),
    "drops what is not there": (
        HEAD
        + "connectors: {a: {entry: 'json:loads', side_effect: reversible, confirm: Eh?, cache: {invalidates: [b]}}}\n",
        "connectors.a.cache.invalidates[0]: the connector 'b' is not declared",
    ),
    "module that fails": (
        HEAD + "connectors: {a: {entry: 'tests.dialplans.broken:go'}}\n",
        "2:25: connectors.a.entry: the module 'tests.dialplans.broken' cannot be imported: RuntimeError('no')",
    ),
    "module that lacks another": (
        HEAD + "connectors: {a: {entry: 'tests.dialplans.lacking:go'}}\n",
        "2:25: connectors.a.entry: there is no module 'no_such_package', which 'tests.dialplans.lacking' needs",
    ),
    "default that is no target": (
        HEAD + "transfer: {target: '${AGENTS:-foo bar}'}\n",
        "2:20: transfer.target: '${AGENTS:-foo bar}' is not a URI to transfer to",
    ),
    "empty target": (HEAD + "transfer: {target: 'sip:'}\n", "2:20: transfer.target: 'sip:' is not a URI"),
    "time zone": (HEAD + "time_zone: Mars\n", "2:12: time_zone: 'Mars' is not a time zone"),
    "opening": (
        HEAD + "hours:\n  monday: {open: ['9-5']}\n",
        "3:19: hours.monday.open[0]: '9-5' is not a stretch of time",
    ),
    "openings overlap": (
        HEAD + "hours:\n  monday: {open: ['09:00-12:00', '11:00-13:00']}\n",
        "3:3: hours.monday: two openings overlap",
    ),
    "a date called like a weekday": (
        HEAD + "hours:\n  exceptions:\n    2026-12-25: {open: [], names: [Friday]}\n",
        "4:36: hours.exceptions.2026-12-25.names[0]: 'Friday' cannot name one date",
    ),
    "a date called like another": (
        HEAD
        + "hours:\n  exceptions:\n    2026-12-25: {open: [], names: [Christmas]}\n"
        + "    2026-12-26: {open: [], names: [Boxing Day, Christmas]}\n",
        "5:48: hours.exceptions.2026-12-26.names[1]: 'Christmas' is a name of 'Christmas' already",
    ),
    "name": (HEAD + "name: other\n", "2:7: name: must be the file's name (write 'plan' or leave it out)"),
    "no such include": (
        HEAD + "include: [gone.yaml]\n",
        "2:11: include[0]: there is no file 'gone.yaml' beside this one",
    ),
    "include above": (HEAD + "include: [../x.yaml]\n", "2:11: include[0]: '../x.yaml' leaves the folder"),
    "no examples": (
        HEAD + "intents:\n  hi: {answers: {default: Hello}}\n",
        "3:3: intents.hi: an intent needs examples",
    ),
    "unreachable": (
        HEAD + "intents:\n  a: {examples: [Hi there], answers: {default: A}}\n  b: {examples: [hi there]}\n",
        "4:3: intents.b: no turn can reach this intent: 'a' takes every example of it",
    ),
    "unknown slot in a template": (
        HEAD + SLOTS + "intents:\n  a: {examples: [x], slots: [number], answers: {default: 'It is {numer}'}}\n",
        "5:58: intents.a.answers.default: {numer}: the slot is not one of this intent (did you mean 'number'?)",
    ),
    "unknown filter": (HEAD + "intents:\n  a: {examples: [x], answers: {default: '{b:loud}'}}\n", "the filter 'loud'"),
    "open brace": (HEAD + "intents:\n  a: {examples: [x], answers: {default: '{b'}}\n", "a brace is open or closed"),
    "slot not declared": (
        HEAD + "intents:\n  a: {examples: [x], slots: [day], answers: {default: A}}\n",
        "3:30: intents.a.slots[0]: the slot 'day' is not declared",
    ),
    "connector not declared": (
        HEAD + "intents:\n  a: {examples: [x], connector: lokup, answers: {default: A}}\n" + CONNECTORS,
        "3:33: intents.a.connector: the connector 'lokup' is not declared (did you mean 'lookup'?)",
    ),
    "argument missing": (
        HEAD + "intents:\n  a: {examples: [x], connector: lookup, answers: {default: A}}\n" + CONNECTORS,
        "needs the argument 'id'",
    ),
    "no module": (
        HEAD + "connectors:\n  x: {entry: 'no_such_module:f'}\n",
        "3:14: connectors.x.entry: there is no module",
    ),
    "fallback": (HEAD + "connectors:\n  x: {entry: 'json:loads', fallback: sorry}\n", "fallback: is not a JSON object"),
    "handoff without a reason": (
        HEAD + "intents:\n  a: {examples: [x], ends: handoff}\n",
        "3:28: intents.a.ends: a handoff needs a reason code",
    ),
    "knowledge": (
        HEAD + "knowledge: {shop: {city: X}}\nintents:\n  a: {examples: [x], answers: {default: '{shop.town}'}}\n",
        "4:41: intents.a.answers.default: {shop.town}: the knowledge does not hold it (there are city)",
    ),
    "times": (
        HEAD + "turn_taking:\n  pause_ms: 400\nendpointing:\n  min_delay_ms: 200\n",
        "5:17: endpointing.min_delay_ms: a turn would end before",
    ),
    "times of a slot": (
        HEAD + "slots:\n  who:\n    kind: name\n    endpointing: {max_delay_ms: 900}\n",
        "5:5: slots.who.endpointing.delay_ms: must lie between possible_ms and max_delay_ms",
    ),
    "menu": (
        HEAD + "menu: {'1': ours}\nintents:\n  hours: {examples: [x], answers: {default: A}}\n",
        "2:13: menu.1: the intent 'ours' is not declared (did you mean 'hours'?)",
    ),
    "menu key": (HEAD + "menu: {'12': hours}\n", "2:14: menu.12: "),
    "optional slot": (
        HEAD + "slots: {who: {kind: name}}\nintents:\n  a: {examples: [x], optional: [who], answers: {default: A}}\n",
        "4:33: intents.a.optional[0]: a slot of kind name is only filled when it is asked for (move it to 'slots:')",
    ),
    "target": (HEAD + "transfer: {target: Bob}\n", "2:20: transfer.target: 'Bob' is not a URI to transfer to"),
}


def faults_of(folder: Path, text: str) -> list[str]:
    file = folder / "plan.yaml"
    file.write_text(text)
    policy, faults = load_dialplan(file)
    assert (policy is None) == bool(faults)
    return [str(fault).removeprefix(f"{file}:") for fault in faults]


@pytest.mark.parametrize("case", CASES)
def test_each_error_has_its_place_and_remedy(case: str, tmp_path: Path) -> None:
    text, expected = CASES[case]
    found = faults_of(tmp_path, text)
    assert any(fault.startswith(expected) if expected[0].isdigit() else expected in fault for fault in found), found
    assert all(fault.endswith(")") for fault in found), "each fault ends with its remedy"


def test_all_errors_are_told_in_the_order_of_the_lines(tmp_path: Path) -> None:
    found = faults_of(tmp_path, "version: 1\ntenat: x\nbudgets:\n  hard_ms: x\n  soft: 1\n")
    assert [fault.partition(":")[0] for fault in found] == ["2", "4", "5"]


def test_a_fault_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "shared.yaml").write_text("budgets:\n  hard_ms: x\n")
    found = faults_of(tmp_path, "version: 1\ninclude: [shared.yaml]\n")
    assert found == [
        f"{tmp_path / 'shared.yaml'}:2:12: budgets.hard_ms: must be a whole number but is 'x' (correct it)"
    ]


def test_an_alias_bomb_is_bounded(tmp_path: Path) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert any("more than 50000 values" in fault for fault in faults_of(tmp_path, "\n".join(levels)))


def test_what_a_dialplan_says_goes_before_what_it_includes(tmp_path: Path) -> None:
    (tmp_path / "shared.yaml").write_text("budgets:\n  hard_ms: 5000\n  soft_ms: null\n")
    (tmp_path / "plan.yaml").write_text("version: 1\ninclude: [shared.yaml]\nbudgets: {hard_ms: 6000}\n")
    policy, _ = load_dialplan(tmp_path / "plan.yaml")
    assert policy is not None
    assert (policy.call.budgets.hard_ms, policy.call.budgets.soft_ms) == (6000, None)


def test_a_policy_survives_its_json_with_its_hash() -> None:
    policy, faults = load_dialplan(Path("dialplans/harbor-lane.yaml"))
    assert policy is not None, faults
    again = Policy.from_json(policy.to_json())
    assert (again.sha256, again.call, again.dialplan) == (policy.sha256, policy.call, policy.dialplan)
    assert Policy.of(again.dialplan).sha256 == policy.sha256


def test_secrets_stay_references_until_they_are_used(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("version: 1\ntransfer: {target: '${AGENTS:-sip:a@b}'}\n")
    policy, _ = load_dialplan(tmp_path / "plan.yaml")
    assert policy is not None
    assert policy.call.transfer.target == "${AGENTS:-sip:a@b}"
    assert resolve(policy.call.transfer.target, {}) == "sip:a@b"
    assert resolve(policy.call.transfer.target, {"AGENTS": "sip:x@y"}) == "sip:x@y"
    with pytest.raises(SecretMissingError, match="KEY is not set"):
        resolve("${KEY}", {})


def test_check_tells_faults_and_exits_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(Path("dialplans")) == 0
    assert check(tmp_path / "gone") == 1
    (tmp_path / "plan.yaml").write_text("version: 2\n")
    assert check(tmp_path / "plan.yaml") == 1
    told = capsys.readouterr()
    assert "1 dialplan is right: harbor-lane" in told.out
    assert "plan.yaml:1:10: version:" in told.err


WAIT = HEAD + "phrases:\n  scaffolding:\n    - Let me see.\n    - {}\n"


@pytest.mark.parametrize(
    ("phrase", "claim"),
    [
        ("I found your order.", "says that something is done or known: 'found'"),
        ("That is DONE.", "says that something is done or known: 'DONE'"),
        ("Your booking is confirmed.", "says that something is done or known: 'confirmed'"),
        ("It was cancelled.", "says that something is done or known: 'cancelled'"),
        ("It takes 5 minutes.", "holds a number: '5'"),
        ("It takes two minutes.", "holds a number: 'two'"),
        ("It takes an hour.", "holds a number: 'an hour'"),
        ("That is ten dollars.", "speaks of money: 'dollars'"),
        ("Let me see on Monday.", "names a day or a time: 'Monday'"),
        ("You hear from us tomorrow.", "names a day or a time: 'tomorrow'"),
    ],
)
def test_a_phrase_that_fills_a_wait_states_nothing(phrase: str, claim: str, tmp_path: Path) -> None:
    remedy = "(say only that you are looking, as 'One moment, please.')"
    told = f"a phrase that fills a wait {claim} {remedy}"
    assert faults_of(tmp_path, WAIT.format(phrase)) == [f"5:7: phrases.scaffolding[1]: {told}"]
    progress = WAIT.format(phrase).replace("scaffolding", "progress")
    assert faults_of(tmp_path, progress) == [f"5:7: phrases.progress[1]: {told}"]
    own = f"{HEAD}connectors:\n  x: {{entry: 'json:loads', scaffolding: ['{phrase}']}}\n"
    assert faults_of(tmp_path, own) == [f"3:42: connectors.x.scaffolding[0]: {told}"]


@pytest.mark.parametrize(
    "phrase",
    [
        "One moment, please.",
        "Just a second.",
        "Give me one more minute.",
        "Let me look that up.",
        "Let me double-check that.",
        "This may take a little longer than usual.",
        "I am still looking.",
        "Let me look up your order.",
    ],
)
def test_a_harmless_phrase_is_one(phrase: str, tmp_path: Path) -> None:
    assert faults_of(tmp_path, WAIT.format(phrase)) == []


@pytest.mark.parametrize("key", ["scaffolding", "progress"])
@pytest.mark.parametrize("phrases", ["[One moment.]", "[One moment., one moment]"])
def test_a_phrase_that_would_come_twice_running_is_an_error(key: str, phrases: str, tmp_path: Path) -> None:
    found = faults_of(tmp_path, f"{HEAD}phrases:\n  {key}: {phrases}\n")
    remedy = "(write two or more, better three)"
    assert found == [f"3:3: phrases.{key}: the same phrase would be said twice running {remedy}"]


def test_a_dialplan_that_says_nothing_of_waiting_has_phrases_for_it_and_may_have_none(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(HEAD)
    policy, faults = load_dialplan(file)
    assert policy is not None, faults
    phrases = policy.call.phrases
    assert phrases.greeting
    assert min(len(phrases.scaffolding), len(phrases.progress)) > 1
    file.write_text(HEAD + "phrases: {greeting: '', scaffolding: [], progress: []}\n")
    policy, faults = load_dialplan(file)
    assert policy is not None, faults
    assert (policy.call.phrases.greeting, policy.call.phrases.scaffolding, policy.call.phrases.progress) == ("", (), ())
