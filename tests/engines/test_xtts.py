"""XTTS through `inference_stream`, the real class with random weights: no package carries any that speak."""

from __future__ import annotations

import importlib
import types
import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engines.small_vits import needs_coqui
from voicebot.core.events import Category
from voicebot.tts.catalogue import build_tts
from voicebot.tts.coqui_model import import_coqui
from voicebot.tts.framing import render
from voicebot.tts.protocol import SpeakingFailed, TtsEngine

pytestmark = needs_coqui

RATE = 24_000
TEXT = "We are open from nine to five."
WIDTH = 64
CODES = 32


@pytest.fixture(scope="module")
def model() -> Iterator[types.ModuleType]:
    """XTTS's module; without torchaudio, the spectrogram that it needs for cloning alone is an empty one."""
    absent = import_coqui()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if "torchaudio" in absent:
            identity = importlib.import_module("torch").nn.Identity
            transforms = types.SimpleNamespace(MelSpectrogram=identity)
            patch.setattr(importlib.import_module("torchaudio"), "transforms", transforms, raising=False)
        yield importlib.import_module("TTS.tts.models.xtts")


@pytest.fixture(scope="module")
def folder(model: types.ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_xtts(model, tmp_path_factory.mktemp("xtts"))


def write_xtts(model: Any, folder: Path) -> Path:  # noqa: ANN401 - Coqui has no types
    """Write a model of one layer with a speaker called Ann."""
    torch = importlib.import_module("torch")
    tokenizers = importlib.import_module("tokenizers")
    special = ["[STOP]", "[UNK]", "[SPACE]", "[START]", "[en]"]
    tokens = {token: number for number, token in enumerate([*special, *"abcdefghijklmnopqrstuvwxyz.,!?'"])}
    vocabulary = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=tokens, merges=[], unk_token="[UNK]"))
    vocabulary.add_special_tokens(special)
    vocabulary.save(str(folder / "vocab.json"))
    arguments = model.XttsArgs(
        gpt_layers=1,
        gpt_n_model_channels=WIDTH,
        gpt_n_heads=2,
        gpt_max_audio_tokens=60,
        gpt_max_text_tokens=100,
        gpt_number_text_tokens=len(tokens),
        gpt_num_audio_tokens=CODES + 2,
        gpt_start_audio_token=CODES,
        gpt_stop_audio_token=CODES + 1,
        decoder_input_dim=WIDTH,
        d_vector_dim=WIDTH,
        tokenizer_file=str(folder / "vocab.json"),
    )
    config = importlib.import_module("TTS.tts.configs.xtts_config").XttsConfig(model_args=arguments)
    config.save_json(str(folder / "config.json"))
    torch.manual_seed(0)
    torch.save({"model": model.Xtts(config).state_dict()}, folder / "model.pth")
    ann = {"gpt_cond_latent": torch.randn(1, 32, WIDTH), "speaker_embedding": torch.randn(1, WIDTH, 1)}
    torch.save({"Ann": ann}, folder / "speakers_xtts.pth")
    return folder


@pytest.fixture
def engine(folder: Path) -> TtsEngine:
    # Its codes are drawn at random, and so is the moment when it stops.
    importlib.import_module("torch").manual_seed(1)
    return build_tts("coqui", voice="Ann", model=str(folder))


def test_it_streams_at_its_rate(engine: TtsEngine) -> None:
    chunks = list(engine.open(TEXT).chunks())
    assert engine.rate == RATE
    assert all(chunk.dtype == np.int16 and chunk.ndim == 1 for chunk in chunks)
    assert 0 < max(len(chunk) for chunk in chunks) <= RATE // 10
    assert sum(len(chunk) for chunk in chunks) > RATE // 20


def test_the_first_audio_comes_before_the_last_code_is_made(
    engine: TtsEngine, model: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    decode = model.HifiDecoder.forward

    def counted(*arguments: object, **named: object) -> object:
        told.append("decoded")
        return decode(*arguments, **named)

    # One text in two goes on for longer than one decode.
    monkeypatch.setattr(model.HifiDecoder, "forward", counted)
    for _ in range(20):
        told.clear()
        told.extend("given" for _ in engine.open(TEXT).chunks())
        if ("given", "decoded") in pairwise(told):
            return
    pytest.fail("nothing was given out before the last decode")


def test_a_cancel_ends_it_quietly_within_a_chunk(engine: TtsEngine) -> None:
    stream = engine.open(TEXT)
    next(chunks := stream.chunks())
    stream.cancel()
    assert len(list(chunks)) <= 1
    assert len(render(engine, TEXT)) % 640 == 0


def test_a_speaker_that_it_does_not_know_is_named_with_those_it_does(folder: Path) -> None:
    with pytest.raises(SpeakingFailed, match=r"tts\.voice: .* not 'Bob'; there are Ann") as failure:
        build_tts("coqui", voice="Bob", model=str(folder)).warm_up()
    assert (failure.value.category, failure.value.permanent) == (Category.UNAVAILABLE, True)
