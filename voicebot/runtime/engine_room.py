"""The engines of a worker: loaded once a process, shared by its calls, warm before the first of them."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from voicebot.asr.catalogue import build as build_asr
from voicebot.asr.end_of_turn import EndOfTurnModel, JudgedEngine
from voicebot.asr.failures import EngineUnavailableError
from voicebot.asr.protocol import AsrEngine, Hints, LearnsSentences
from voicebot.brain.catalogue import BrainUnavailable, build_brain
from voicebot.brain.prompts import PROMPTS
from voicebot.brain.protocol import Brain, KnowsItsCallers
from voicebot.cache.shelf import Kind
from voicebot.config import Settings
from voicebot.core.events import Category, Role
from voicebot.dialplan.policy import Policy, SecretMissingError
from voicebot.dialplan.prompts import prompts
from voicebot.media.frames import whole_frames
from voicebot.media.recordings import UnusableRecording, phrase_key, read_recording
from voicebot.runtime import chains, probes
from voicebot.runtime.caching import Figures, caches_of, figures, kept_answers, speech_folder
from voicebot.runtime.chains import Chosen
from voicebot.runtime.health import Health
from voicebot.runtime.shells import CallEngines
from voicebot.tools.kept_results import KeptResults
from voicebot.tools.toolbox import ConnectorMissing, DialplanToolbox
from voicebot.tts.cache import SpeechCache
from voicebot.tts.catalogue import TtsUnavailable, build_tts, workers_for
from voicebot.tts.diction import Diction
from voicebot.tts.protocol import SpeakingFailed, TtsEngine
from voicebot.tts.speaker import Speaker

_LOG = logging.getLogger(__name__)

LOW_PRIORITY = 15
"""Nice value of the thread that renders ahead: Linux keeps one for each thread."""


class EngineUnavailable(Exception):
    """An engine that a dialplan names cannot be used. The message names it and the remedy."""


class EngineRoom:
    """Builds what dialplans name and keeps it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.caches = caches_of(settings)
        self._cache = SpeechCache(speech_folder(settings), tally=self.caches.tally)
        self._closed = False
        self._lock = threading.Lock()
        self._recognisers: dict[Chosen, tuple[AsrEngine, Health]] = {}
        self._judges: dict[str, EndOfTurnModel] = {}
        """End-of-turn models by their paths."""
        self._speakers: dict[Chosen, tuple[Speaker, Health]] = {}
        self._engines: dict[str, CallEngines] = {}

    def prepare(self, policies: Iterable[Policy]) -> None:
        """Load and warm everything that `policies` need. Raises EngineUnavailable."""
        self.caches.warm_up()
        for policy in policies:
            # The recordings are read anew: their files may have changed while the dialplan did not.
            diction = diction_of(policy)
            engines = replace(self._built(policy), diction=diction)
            for speaker in engines.speakers.values():
                self._warm(speaker.engine, policy.call.own_phrases, diction)
            with self._lock:
                self._engines[policy.sha256] = engines

    def for_policy(self, policy: Policy) -> CallEngines:
        """Return the engines of a policy that was prepared."""
        with self._lock:
            return self._engines[policy.sha256]

    def for_call(self, policy: Policy, user: str, uri: str) -> CallEngines:
        """Return the same for one caller, told by the user part and the whole of a SIP URI."""
        engines = self.for_policy(policy)
        toolbox = engines.toolbox
        return replace(engines, toolbox=toolbox.for_caller(user, uri)) if isinstance(toolbox, KeptResults) else engines

    def sick(self) -> tuple[str, ...]:
        """Return the engines that are not well at the moment, each once, as `role:name`."""
        with self._lock:
            return tuple(sorted({name for engines in self._engines.values() for name in engines.sick()}))

    def cache_figures(self) -> tuple[Figures, ...]:
        """Return the figures of all caches of this process."""
        return figures(self.caches, self._cache)

    def clear_cache(self, kind: Kind, tenant: str | None) -> int:
        """Drop what this process keeps of a kind, of one tenant or of all, and return how many entries that were."""
        dropped = self.caches.clear(kind, tenant)
        if kind is Kind.PROMPT:
            dropped += PROMPTS.clear(tenant)
        if kind is Kind.TTS and tenant is None:
            dropped += self._cache.held()[0]
            self._cache.clear()
        return dropped

    def close(self) -> None:
        """Release threads and connections."""
        self._closed = True
        for engines in self._engines.values():
            for health in engines.health.values():
                health.close()
            for brain in engines.brains.values():
                brain.close()
            engines.toolbox.close()
        for speaker, _ in self._speakers.values():
            speaker.close()
            speaker.engine.close()
        for recogniser, _ in self._recognisers.values():
            recogniser.close()
        for judge in self._judges.values():
            judge.close()
        self.caches.close()

    def _built(self, policy: Policy) -> CallEngines:
        known = self._engines.get(policy.sha256)
        if known is not None:
            return known
        try:
            toolbox = KeptResults(DialplanToolbox(policy), policy, self.caches)
        except ConnectorMissing as error:
            raise EngineUnavailable(f"dialplan {policy.name}: {error}") from error
        asr_chosen = chains.asr_chain(policy.dialplan, self._settings)
        tts_chosen = chains.tts_chain(policy.dialplan, self._settings)
        brain_chosen = chains.brain_chain(policy.dialplan, self._settings)
        asr = dict(zip(chains.names(asr_chosen), map(self._recogniser, asr_chosen), strict=True))
        tts = dict(zip(chains.names(tts_chosen), map(self._speaker, tts_chosen), strict=True))
        brains = {
            name: self._brain(policy, name, chosen)
            for name, chosen in zip(chains.names(brain_chosen), brain_chosen, strict=True)
        }
        hired: tuple[tuple[Role, Mapping[str, tuple[object, Health]]], ...] = (
            (Role.ASR, asr),
            (Role.BRAIN, brains),
            (Role.TTS, tts),
        )
        told = [brain.usual_turns() for brain, _ in brains.values() if isinstance(brain, KnowsItsCallers)]
        hints = Hints(phrases=policy.dialplan.asr.hints, sentences=next(iter(told), ()))
        for engine, _ in asr.values():
            if isinstance(engine, LearnsSentences):
                engine.learn(hints.sentences)
        return CallEngines(
            policy,
            asr={name: self._judged(engine, policy) for name, (engine, _) in asr.items()},
            brains={name: brain for name, (brain, _) in brains.items()},
            speakers={name: speaker for name, (speaker, _) in tts.items()},
            toolbox=toolbox,
            known=hints,
            health={(role, name): health for role, chain in hired for name, (_, health) in chain.items()},
        )

    def _judged(self, engine: AsrEngine, policy: Policy) -> AsrEngine:
        """Put the dialplan's end-of-turn model, if it names one, before a recogniser that others may use without."""
        path = policy.dialplan.endpointing.model
        if not path:
            return engine
        if path not in self._judges:
            try:
                self._judges[path] = EndOfTurnModel(path)
            except EngineUnavailableError as error:
                raise EngineUnavailable(f"dialplan {policy.name}: {error}") from error
        return JudgedEngine(engine, self._judges[path])

    def _recogniser(self, chosen: Chosen) -> tuple[AsrEngine, Health]:
        if chosen not in self._recognisers:
            try:
                engine = build_asr(chosen.engine, chosen.model, chosen.endpoint())
                engine.warm_up()
            except (EngineUnavailableError, SecretMissingError) as error:
                raise EngineUnavailable(str(error)) from error
            health = self._health(Role.ASR, engine.name, lambda: probes.try_asr(engine))
            self._recognisers[chosen] = (engine, health)
        return self._recognisers[chosen]

    def _speaker(self, chosen: Chosen) -> tuple[Speaker, Health]:
        if chosen not in self._speakers:
            try:
                engine = build_tts(chosen.engine, chosen.voice, chosen.model, chosen.endpoint(), chosen.speed)
            except (TtsUnavailable, SecretMissingError) as error:
                raise EngineUnavailable(str(error)) from error
            health = self._health(Role.TTS, engine.name, lambda: probes.try_tts(engine))
            try:
                engine.warm_up()
            except SpeakingFailed as error:
                if error.permanent and error.category is Category.UNAVAILABLE:
                    raise EngineUnavailable(str(error)) from error
                _LOG.warning("synthesiser not reached yet", extra={"engine": engine.name, "reason": str(error)})
                health.doubted()
            speaker = Speaker(engine, self._cache, workers=workers_for(engine), rendered=health.worked)
            self._speakers[chosen] = (speaker, health)
        return self._speakers[chosen]

    def _brain(self, policy: Policy, name: str, chosen: Chosen) -> tuple[Brain, Health]:
        try:
            brain = build_brain(policy, chosen.engine, chosen.model, chosen.endpoint())
        except (BrainUnavailable, SecretMissingError) as error:
            raise EngineUnavailable(f"dialplan {policy.name}: {error}") from error
        health = self._health(Role.BRAIN, name, lambda: probes.try_brain(brain))
        kept = kept_answers(brain, policy, self.caches, chosen)
        kept.warm_up()
        return kept, health

    def _health(self, role: Role, name: str, probe: Callable[[], None]) -> Health:
        failover = self._settings.failover
        return Health(role, name, probe, failures=failover.failures, probe_s=failover.probe_s)

    def render_usual(self) -> None:
        """Render the usual answers of every dialplan, on a thread that yields to the calls."""
        threading.Thread(target=self._render_usual, name="tts-usual", daemon=True).start()

    def _render_usual(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)
        for engines in tuple(self._engines.values()):
            brain, speaker = next(iter(engines.brains.values())), next(iter(engines.speakers.values()))
            if not isinstance(brain, KnowsItsCallers):
                continue
            for text in brain.usual_clauses():
                if self._closed:
                    return
                self._warm(speaker.engine, (text,), engines.diction)

    def _warm(self, engine: TtsEngine, texts: tuple[str, ...], diction: Diction) -> None:
        """Render ahead what the bot says by itself; an apology must not depend on the engine it apologises for."""
        try:
            self._cache.warm(engine, texts, diction)
        except SpeakingFailed as error:
            _LOG.warning("phrases not rendered ahead", extra={"engine": engine.name, "reason": str(error)})


def diction_of(policy: Policy) -> Diction:
    """Return how a dialplan's texts are said, its recordings loaded. Raises EngineUnavailable."""
    recordings = {}
    for prompt in prompts(policy.dialplan, policy.folder):
        try:
            recordings[phrase_key(prompt.phrase)] = whole_frames(read_recording(prompt.file))
        except UnusableRecording as unusable:
            raise EngineUnavailable(
                f"dialplan {policy.name}: tts.prompts: {prompt.file} {unusable}; run voicebot check"
            ) from unusable
    return Diction(policy.dialplan.tts.lexicon, recordings)
