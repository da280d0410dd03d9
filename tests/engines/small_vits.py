"""A Coqui model small enough for a test: a VITS of random weights, written as Coqui itself writes one."""

from __future__ import annotations

import importlib
import importlib.util
import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from voicebot.tts.coqui_model import import_coqui

RATE = 16_000
"""Hz."""

needs_coqui = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("TTS") is None, reason="coqui-tts is not installed: run scripts/setup --with coqui"
    ),
    # Other people's code, of other years.
    pytest.mark.filterwarnings("ignore"),
]


def write_vits(folder: Path, speakers: Sequence[str] = (), languages: Sequence[str] = ()) -> Path:
    """Write a model of 1.4 MB and return the path of its checkpoint. What it says is noise."""
    import_coqui()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _write(folder, speakers, languages)


def _write(folder: Path, speakers: Sequence[str], languages: Sequence[str]) -> Path:
    torch = importlib.import_module("torch")
    vits = importlib.import_module("TTS.tts.models.vits")
    small = vits.VitsArgs(
        hidden_channels=32,
        hidden_channels_ffn_text_encoder=64,
        num_heads_text_encoder=2,
        num_layers_text_encoder=1,
        num_layers_posterior_encoder=2,
        num_layers_flow=1,
        upsample_initial_channel_decoder=32,
        upsample_rates_decoder=[8, 8, 2, 2],
        upsample_kernel_sizes_decoder=[16, 16, 4, 4],
        resblock_kernel_sizes_decoder=[3],
        resblock_dilation_sizes_decoder=[[1, 3]],
        resblock_type_decoder="2",
        out_channels=513,
        use_sdp=False,
        init_discriminator=False,
        use_speaker_embedding=bool(speakers),
        speaker_embedding_channels=16,
        use_language_embedding=bool(languages),
        language_ids_file=str(folder / "languages.json") if languages else None,
    )
    (folder / "languages.json").write_text(json.dumps({name: number for number, name in enumerate(languages)}))
    letters = vits.CharactersConfig(
        characters_class="TTS.tts.models.vits.VitsCharacters",
        pad="<PAD>",
        eos="<EOS>",
        bos="<BOS>",
        blank="<BLNK>",
        characters="abcdefghijklmnopqrstuvwxyz",
        punctuations="!'(),-.:;? ",
        phonemes=None,
    )
    config = importlib.import_module("TTS.tts.configs.vits_config").VitsConfig(
        model_args=small,
        audio=importlib.import_module("TTS.config").BaseAudioConfig(
            sample_rate=RATE, fft_size=1024, hop_length=256, win_length=1024
        ),
        text_cleaner="english_cleaners",
        use_phonemes=False,
        characters=letters,
        test_sentences=[],
        speakers=list(speakers),
    )
    torch.manual_seed(0)
    config.save_json(str(folder / "config.json"))
    torch.save({"model": vits.Vits.init_from_config(config).state_dict()}, folder / "model.pth")
    return folder / "model.pth"
