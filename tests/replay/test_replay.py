from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from voicebot.core.commands import Speak
from voicebot.core.policy import CallPolicy, Endpointing, Phrases
from voicebot.journal import console, corpus
from voicebot.journal.file import JournalError, find_journal, read_journal
from voicebot.journal.lines import LINES, POLICIES, Playout, Step
from voicebot.journal.recording import keep_policy
from voicebot.journal.replay import replay
from voicebot.media.playout import Paused, Popped

if TYPE_CHECKING:
    from tests.replay.conftest import SteppedCall


def test_a_call_replays_identically(recorded: Path, policy: CallPolicy) -> None:
    report = replay(read_journal(find_journal(recorded, "c1")), policy)
    assert report.identical, str(report)
    assert report.remarks == ()
    assert "identical" in str(report)


def test_another_policy_gives_other_commands_and_the_first_difference_is_named(
    recorded: Path, policy: CallPolicy
) -> None:
    journal = read_journal(find_journal(recorded, "c1"))
    report = replay(journal, replace(policy, phrases=Phrases(greeting="Good day.")))
    assert not report.identical
    assert "step 2 at 0 ms, command 1 of 1" in report.difference
    assert "Hello, what can I do for you?" in report.difference
    assert "Good day." in report.difference


def test_a_pause_that_comes_out_later_is_found(recorded: Path, policy: CallPolicy) -> None:
    journal = read_journal(find_journal(recorded, "c1"))
    report = replay(journal, replace(policy, endpointing=Endpointing(min_delay_ms=600)))
    assert not report.identical


def test_a_missing_step_is_found(recorded: Path, policy: CallPolicy) -> None:
    journal = read_journal(find_journal(recorded, "c1"))
    lines = tuple(line for line in journal.lines if not (isinstance(line, Step) and line.seq == 4))
    report = replay(replace(journal, lines=lines), policy)
    assert "step 4 is missing" in report.difference


def test_a_changed_byte_of_audio_is_found(recorded: Path, policy: CallPolicy) -> None:
    path = find_journal(recorded, "c1")
    blob = path.with_suffix(".ulaw")
    audio = bytearray(blob.read_bytes())
    audio[1000] ^= 1
    blob.write_bytes(audio)
    report = replay(read_journal(path), policy)
    assert "outgoing audio: its SHA-256" in report.difference


def test_audio_that_was_cut_off_is_found(recorded: Path, policy: CallPolicy) -> None:
    path = find_journal(recorded, "c1")
    blob = path.with_suffix(".ulaw")
    blob.write_bytes(blob.read_bytes()[:-1000])
    assert "outgoing audio" in replay(read_journal(path), policy).difference


def test_pops_that_do_not_follow_from_the_queue_are_found(recorded: Path, policy: CallPolicy) -> None:
    journal = read_journal(find_journal(recorded, "c1"))
    lines = tuple(_without_pauses(line) if isinstance(line, Playout) else line for line in journal.lines)
    assert "outgoing audio" in replay(replace(journal, lines=lines), policy).difference


def _without_pauses(line: Playout) -> Playout:
    return replace(line, entries=tuple(entry for entry in line.entries if not isinstance(entry, Paused)))


def test_a_killed_call_replays_as_far_as_it_goes(recorded: Path, policy: CallPolicy) -> None:
    path = find_journal(recorded, "c1")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    journal = read_journal(path)
    assert journal.torn
    assert journal.end is None
    report = replay(journal, policy)
    assert report.identical, str(report)
    assert any("its process died" in remark for remark in report.remarks)
    assert any("cut short" in remark for remark in report.remarks)


def test_a_killed_call_can_be_read_wherever_it_was_cut(recorded: Path, policy: CallPolicy) -> None:
    path = find_journal(recorded, "c1")
    whole = path.read_bytes()
    header = whole.index(b"\n") + 1
    for cut in range(header, len(whole), 997):
        path.write_bytes(whole[:cut])
        journal = read_journal(path)
        assert not journal.lines or replay(journal, policy).identical


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda _: b"", ":1: not a journal"),
        (lambda whole: whole[whole.index(b"\n") + 1 :], ":1: not a journal"),
        (lambda whole: whole.replace(b'"format":1', b'"format":9'), "format 9"),
        (lambda whole: whole.replace(b'"type":"Step"', b'"type":"Stop"', 1), ":2: "),
        (lambda whole: whole + whole, "in the middle"),
    ],
)
def test_a_damaged_journal_is_named_with_its_line(
    recorded: Path, damage: Callable[[bytes], bytes], message: str
) -> None:
    path = find_journal(recorded, "c1")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(JournalError, match=message):
        read_journal(path)


def test_the_outgoing_audio_is_what_the_ring_let_out(recorded: Path) -> None:
    journal = read_journal(find_journal(recorded, "c1"))
    speeches = {
        c.speech for line in journal.lines if isinstance(line, Step) for c in line.commands if isinstance(c, Speak)
    }
    popped = {
        entry.speech
        for line in journal.lines
        if isinstance(line, Playout)
        for entry in line.entries
        if isinstance(entry, Popped)
    }
    assert popped == speeches == set(journal.audio())
    assert journal.end is not None
    assert len(journal.end.audio_sha256) == 64


@pytest.mark.parametrize("call_id", ["../../etc/passwd", "nobody", "", "*", "a/b"])
def test_an_unknown_call_is_bad_usage(recorded: Path, call_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert console.trace(recorded, call_id) == 2
    assert console.replay_call(recorded, call_id, _kept_policy) == 2
    assert "no journal of a call" in capsys.readouterr().err


def _kept_policy(text: str) -> CallPolicy:
    policy = POLICIES.decode(text)
    assert isinstance(policy, CallPolicy)
    return policy


def _keep(data_dir: Path, policy: CallPolicy) -> None:
    (data_dir / "policies" / f"{'f' * 64}.json").unlink()
    keep_policy(data_dir, "f" * 64, POLICIES.encode(policy))


def test_the_command_replays_under_two_hash_seeds(
    recorded: Path, policy: CallPolicy, capsys: pytest.CaptureFixture[str]
) -> None:
    _keep(recorded, policy)
    assert console.replay_call(recorded, "c1", _kept_policy) == 0
    assert capsys.readouterr().out.count("call c1: identical") == 1
    _keep(recorded, replace(policy, phrases=Phrases(greeting="Good day.")))
    assert console.replay_call(recorded, "c1", _kept_policy) == 1
    assert "PYTHONHASHSEED=1" in capsys.readouterr().err


def test_a_call_becomes_an_entry_of_the_corpus(
    recorded: Path, policy: CallPolicy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _keep(recorded, policy)
    monkeypatch.chdir(recorded)
    assert console.replay_call(recorded, "c1", _kept_policy, accept=True) == 2
    folder = recorded / "tests" / "replay" / "c1"
    folder.parent.mkdir(parents=True)
    assert console.replay_call(recorded, "c1", _kept_policy, accept=True) == 0
    assert corpus.check(folder).identical
    golden = folder / "golden.jsonl"
    accepted = golden.read_bytes()
    golden.write_bytes(accepted.replace(b"Hello", b"Hallo"))
    assert "Hallo" in corpus.check(folder).difference
    assert corpus.accept(folder).identical
    assert golden.read_bytes() == accepted
    golden.unlink()
    with pytest.raises(JournalError, match="--accept"):
        corpus.check(folder)
    capsys.readouterr()


CORPUS = sorted(path.parent for path in Path(__file__).parent.glob("*/call.jsonl"))


@pytest.mark.parametrize("folder", CORPUS, ids=lambda folder: folder.name)
def test_the_corpus_comes_out_as_accepted(folder: Path) -> None:
    report = corpus.check(folder)
    assert report.identical, str(report)


def test_two_recordings_of_one_course_are_the_same_byte_for_byte(
    record: Callable[[str], SteppedCall], tmp_path: Path
) -> None:
    for call_id in ("a", "b"):
        call = record(call_id)
        call.run_to(1000)
        call.finish()
    call.journal._writer.close()
    first, second = (find_journal(tmp_path, call_id).read_bytes() for call_id in ("a", "b"))
    assert first.replace(b'"call_id":"a"', b'"call_id":"b"') == second
    assert LINES.decode(first.splitlines()[0])
