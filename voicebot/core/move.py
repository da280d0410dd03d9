"""The state of a call, and one event's worth of change to it.

A `Move` gathers what one event does: it replaces the machines' records one after the other and collects commands. Every
command passes the safety machine's veto here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from handoff.machine import Handoff
from voicebot.core import conversation, ear, mouth, tooling
from voicebot.core import safety as guard
from voicebot.core.commands import CancelBrain, Command, FlushPlayout, Layer, Note, PausePlayout, ResumePlayout
from voicebot.core.conversation import Conversation
from voicebot.core.ear import Ear
from voicebot.core.early import Early
from voicebot.core.events import Category, Role
from voicebot.core.failover import Failover
from voicebot.core.mouth import Mouth, Utterance
from voicebot.core.policy import CallPolicy
from voicebot.core.safety import Safety
from voicebot.core.speech_plan import SpeechPlan
from voicebot.core.tooling import Tooling
from voicebot.core.transcript import Transcript
from voicebot.core.turn_taking import Suspicion


@dataclass(frozen=True, slots=True)
class CallState:
    """Everything that is known of a call. Replaced, never changed."""

    policy: CallPolicy
    call_id: str = ""
    conversation: Conversation = field(default_factory=Conversation)
    ear: Ear = field(default_factory=Ear)
    mouth: Mouth = field(default_factory=Mouth)
    tooling: Tooling = field(default_factory=Tooling)
    safety: Safety = field(default_factory=Safety)
    handoff: Handoff = field(default_factory=Handoff)
    plan: SpeechPlan = field(default_factory=SpeechPlan)
    transcript: Transcript = field(default_factory=Transcript)
    suspicion: Suspicion | None = None
    early: Early | None = None
    failover: Failover = field(default_factory=Failover)

    @property
    def ended(self) -> bool:
        """Whether the leg to the caller is gone."""
        return self.conversation.state is conversation.State.ENDED


class Move:
    """One event being handled at `now_ms`."""

    def __init__(self, state: CallState, now_ms: int) -> None:
        self.now_ms = now_ms
        self.policy = state.policy
        self.call_id = state.call_id
        self.talk = state.conversation
        self.ear = state.ear
        self.mouth = state.mouth
        self.tooling = state.tooling
        self.safety = state.safety
        self.handoff = state.handoff
        self.plan = state.plan
        self.transcript = state.transcript
        self.suspicion = state.suspicion
        self.early = state.early
        self.failover = state.failover
        self.commands: list[Command] = []

    def state(self) -> CallState:
        """Return the state after the move."""
        return CallState(
            policy=self.policy,
            call_id=self.call_id,
            conversation=self.talk,
            ear=self.ear,
            mouth=self.mouth,
            tooling=self.tooling,
            safety=self.safety,
            handoff=self.handoff,
            plan=self.plan,
            transcript=self.transcript,
            suspicion=self.suspicion,
            early=self.early,
            failover=self.failover,
        )

    def engine(self, role: Role) -> str:
        """Return the engine of a role to ask now."""
        return self.failover.choose(role)

    def fallback(self, role: Role, engine: str) -> str | None:
        """Return the engine to ask when `engine` fails; None when there is no other left in this turn."""
        return self.failover.fallback(role, engine)

    @property
    def patience_ms(self) -> int:
        """How long audio may be missing while the bot speaks: less while another voice could say it."""
        budgets = self.policy.budgets
        engine = self.mouth.queue[0].engine if self.mouth.queue else self.engine(Role.TTS)
        return budgets.tts_first_ms if self.fallback(Role.TTS, engine) is None else budgets.tts_switch_ms

    def brain_patience_ms(self, engine: str) -> int:
        """How long a run may take to its first clause: less while another brain could be asked."""
        budgets = self.policy.budgets
        return budgets.brain_first_ms if self.fallback(Role.BRAIN, engine) is None else budgets.brain_switch_ms

    def await_text(self) -> None:
        """Give the recogniser some time for the text that it was just asked for, if another could be asked."""
        other = self.fallback(Role.ASR, self.ear.engine)
        patience_ms = None if other is None else self.policy.budgets.asr_switch_ms
        self.ear = ear.awaiting(self.ear, self.now_ms, patience_ms)

    def failed(self, role: Role, engine: str, category: Category, *, permanent: bool) -> None:
        """Note that an engine failed; it is not asked again in this turn while there is another."""
        self.failover = self.failover.after(role, engine)
        self.note_failure(role, category, permanent=permanent, engine=engine)

    def note_failure(self, role: Role, category: Category, *, permanent: bool, engine: str = "") -> None:
        """Note a failure; without `engine` it is of work that nobody waits for any more."""
        named = {"engine": engine} if engine else {}
        self.note("engine_failed", role=role, category=category, permanent=int(permanent), **named)

    def do(self, command: Command) -> bool:
        """Issue a command unless the safety machine vetoes it; tell whether it was issued."""
        if not self.may(command):
            return False
        self.commands.append(command)
        return True

    def may(self, command: Command) -> bool:
        """Tell whether the safety machine lets a command pass; a veto is noted."""
        why = guard.veto(
            self.safety,
            command,
            self.policy,
            ended=self.talk.state is conversation.State.ENDED,
            handing_off=self.talk.state is conversation.State.HANDING_OFF,
        )
        if why:
            self.note("vetoed", command=type(command).__name__, why=why)
        return not why

    def do_all(self, commands: tuple[Command, ...]) -> None:
        """Issue commands in order."""
        for command in commands:
            self.do(command)

    def note(self, mark: str, **fields: str | int) -> None:
        """Leave a mark in the trace."""
        self.commands.append(Note(mark, tuple(fields.items())))

    def reject(self, machine: str, state: str, trigger: str) -> None:
        """Journal an event that is illegal now; the call goes on."""
        self.note("rejected", machine=machine, state=state, trigger=trigger)

    def converse(self, trigger: conversation.Trigger) -> bool:
        """Move the conversation; tell whether the trigger was legal."""
        after = self.talk.moved(trigger)
        if after is None:
            self.reject("conversation", self.talk.state, trigger)
            return False
        self.talk = after
        return True

    def hear(self, heard: ear.Heard | None, trigger: ear.Trigger) -> bool:
        """Take over a result of the ear; tell whether the trigger was legal."""
        if heard is None:
            self.reject("ear", self.ear.state, trigger)
            return False
        self.ear, commands = heard
        self.do_all(commands)
        return True

    def speak(self, text: str, layer: Layer) -> None:
        """Say something after whatever is being said. Nothing is said without words, or after the end."""
        if not text:
            return
        utterance = Utterance(
            self.mouth.last_speech + 1,
            layer,
            text,
            self.talk.turn,
            engine=self.engine(Role.TTS),
            protected=layer in self.policy.barge_in.protected,
        )
        after, command = mouth.speak(self.mouth, utterance, self.now_ms, self.patience_ms)
        if self.do(command):
            self.mouth = after
            self.transcript = self.transcript.bot(utterance)

    def pause(self) -> None:
        """Stop the mouth where it is."""
        after = mouth.paused(self.mouth)
        if after is not None:
            self.mouth = after
            self.do(PausePlayout())

    def resume(self) -> None:
        """Let the mouth go on."""
        after = mouth.resumed(self.mouth, self.now_ms, self.patience_ms)
        if after is not None:
            self.mouth = after
            self.do(ResumePlayout())

    def flush(self) -> None:
        """Drop what is queued and begin a new epoch."""
        self.mouth = mouth.flushed(self.mouth)
        self.suspicion = None
        self.do(FlushPlayout(self.mouth.epoch))

    def drop_early(self) -> None:
        """Throw away what was asked ahead; a connector's answer that is under way is not waited for."""
        early, self.early = self.early, None
        if early is None:
            return
        if early.finished is None:
            self.do(CancelBrain(early.attempt))
        self.tooling, commands = tooling.cancelled(self.tooling, self.policy, early.attempt)
        self.do_all(commands)
        self.note("early_wasted", spent_ms=self.now_ms - early.began_ms)

    def stop_answering(self) -> None:
        """Cancel the brain, also one that was asked ahead, and every connector call that is safe to cancel."""
        self.drop_early()
        if self.talk.brain is not None:
            self.do(CancelBrain(self.talk.brain))
        self.tooling, commands = tooling.cancelled(self.tooling, self.policy, asked=self.talk.confirming)
        self.do_all(commands)
        self.talk = self.talk.idle()

    def withdraw(self) -> None:
        """Ask the caller no more for consent."""
        self.talk = replace(self.talk, confirming=0)
        self.tooling, notes = tooling.withdrawn(self.tooling)
        self.do_all(notes)

    def tool(self, call: tooling.Call) -> None:
        """Take over a connector call that has moved."""
        self.tooling = self.tooling.with_call(call)
        self.do(tooling.noted(call))

    def await_caller(self) -> None:
        """Start the clock for a caller who says nothing or is out of reach; not for one who is on hold."""
        self.failover = self.failover.next_turn()
        self.talk = replace(self.talk.idle(), no_input_due_ms=None)
        if self.ear.state is ear.State.LOST and self.talk.media_due_ms is None:
            self.await_media()
        elif self.ear.state not in {ear.State.LOST, ear.State.ON_HOLD}:
            waits = self.policy.no_input
            wait_ms = waits.grace_ms if self.talk.no_inputs else waits.initial_ms
            due_ms = self.now_ms + wait_ms
            self.talk = replace(self.talk, no_input_due_ms=due_ms, no_input_at_ms=due_ms)

    def await_media(self) -> None:
        """Give the caller's audio some time to come back."""
        self.talk = replace(self.talk, media_due_ms=self.now_ms + self.policy.budgets.media_lost_ms)

    def go_on_waiting(self) -> None:
        """It was not a turn: the clock goes on as if nothing had been, also when its time came meanwhile."""
        waiting, at_ms = self.talk.no_input_due_ms is not None, self.talk.no_input_at_ms
        self.await_caller()
        if waiting:
            self.talk = replace(self.talk, no_input_due_ms=max(self.now_ms, at_ms), no_input_at_ms=at_ms)
