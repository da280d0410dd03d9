"""Coqui through its real API, with a model of random weights: what it says is noise, how it says it is the contract."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.engines.small_vits import RATE, needs_coqui, write_vits
from voicebot.core.events import Category
from voicebot.media.loudness import SPEECH_DBFS, active_level
from voicebot.tts.catalogue import TtsUnavailable, build_tts
from voicebot.tts.framing import render
from voicebot.tts.protocol import SpeakingFailed, TtsEngine

TEXT = "We are open from nine to five, and on Saturday from ten to two."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VITS of 1.4 MB, as Coqui itself writes one."""
    return write_vits(tmp_path_factory.mktemp("vits"))


@pytest.fixture
def engine(model: Path) -> TtsEngine:
    return build_tts("coqui", model=str(model))


class TestWithAModel:
    pytestmark = needs_coqui

    def test_it_speaks_at_the_rate_of_its_model(self, engine: TtsEngine) -> None:
        engine.warm_up()
        chunks = list(engine.open(TEXT).chunks())
        assert engine.rate == RATE
        assert all(chunk.dtype == np.int16 and chunk.ndim == 1 for chunk in chunks)
        assert max(len(chunk) for chunk in chunks) <= RATE // 10
        assert sum(len(chunk) for chunk in chunks) > RATE // 10

    def test_nothing_but_speech_stands_behind_a_passage(self, engine: TtsEngine) -> None:
        samples = np.concatenate(list(engine.open("Hello there.").chunks()))
        assert np.any(samples[-RATE // 5 :])

    def test_a_cancel_ends_it_quietly_within_a_chunk(self, engine: TtsEngine) -> None:
        stream = engine.open(TEXT)
        next(chunks := stream.chunks())
        stream.cancel()
        assert len(list(chunks)) <= 1

    def test_cancelled_before_it_began_it_says_nothing(self, engine: TtsEngine) -> None:
        stream = engine.open(TEXT)
        stream.cancel()
        assert list(stream.chunks()) == []

    def test_rendered_whole_it_fills_frames(self, engine: TtsEngine) -> None:
        assert len(render(engine, TEXT)) % 640 == 0

    def test_a_speaker_and_the_english_of_a_model_are_chosen(self, tmp_path: Path) -> None:
        many = str(write_vits(tmp_path, speakers=("ann", "bob"), languages=("de", "en-gb")))
        ann, bob = (render(build_tts("coqui", voice=name, model=many), TEXT) for name in ("ann", "bob"))
        assert ann != bob
        with pytest.raises(SpeakingFailed, match=r"tts\.voice: .* not 'eve'; there are ann, bob") as failure:
            build_tts("coqui", voice="eve", model=many).warm_up()
        assert failure.value.permanent

    def test_a_model_without_english_is_refused(self, tmp_path: Path) -> None:
        foreign = str(write_vits(tmp_path, languages=("de", "fr")))
        with pytest.raises(SpeakingFailed, match=r"tts\.model: .* speaks de, fr, but no English"):
            build_tts("coqui", model=foreign).warm_up()

    def test_a_speaker_of_a_model_that_has_one_voice_is_refused(self, model: Path) -> None:
        with pytest.raises(SpeakingFailed, match=r"tts\.voice: .* has one voice; leave tts\.voice out"):
            build_tts("coqui", voice="ann", model=str(model)).warm_up()

    def test_it_speaks_at_the_level_of_all_speech(self, engine: TtsEngine) -> None:
        samples = np.concatenate(list(engine.open(TEXT).chunks()))
        assert active_level(samples) == pytest.approx(SPEECH_DBFS, abs=1.5)

    def test_it_speaks_slower_when_told_to(self, model: Path, engine: TtsEngine) -> None:
        slow = build_tts("coqui", model=str(model), speed=0.5)
        assert len(render(slow, TEXT)) > 1.5 * len(render(engine, TEXT))

    def test_what_is_said_reaches_no_log(self, engine: TtsEngine, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            list(engine.open("Saturday").chunks())
        assert "Saturday" not in caplog.text

    def test_a_checkpoint_that_is_none_cannot_be_loaded(self, model: Path, tmp_path: Path) -> None:
        (tmp_path / "model.pth").write_bytes(b"no weights")
        (tmp_path / "config.json").write_bytes((model.parent / "config.json").read_bytes())
        with pytest.raises(SpeakingFailed, match="no model that Coqui can load") as failure:
            build_tts("coqui", model=str(tmp_path / "model.pth")).warm_up()
        assert (failure.value.category, failure.value.permanent) == (Category.UNAVAILABLE, True)


def test_without_the_package_it_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "TTS", None)
    for name in ("model.pth", "config.json"):
        (tmp_path / name).touch()
    with pytest.raises(SpeakingFailed, match=r"cannot be imported: .*; run scripts/setup --with coqui"):
        build_tts("coqui", model=str(tmp_path / "model.pth")).warm_up()


def test_a_model_is_found_by_coquis_name_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tts" / "tts_models--en--small--vits"
    folder.mkdir(parents=True)
    for name in ("model_file.pth", "config.json"):
        (folder / name).touch()
    monkeypatch.setenv("TTS_HOME", str(tmp_path))
    assert build_tts("coqui", model="tts_models/en/small/vits").voice == str(folder / "model_file.pth")


@pytest.mark.parametrize("model", ["", "tts_models/en/none/vits", "nowhere/model.pth"])
def test_a_model_that_is_not_there_is_not_downloaded(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTS_HOME", str(tmp_path))
    with pytest.raises(TtsUnavailable, match=r"tts\.model: "):
        build_tts("coqui", model=model)
