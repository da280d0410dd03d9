"""What a language model is sent: messages and tools in OpenAI's dialect, made from a StartBrain.

The beginning of the list must be the same bytes in every turn of a call, because servers keep what they have computed
for a prefix. So the system prompt never changes, history is only appended to, and nothing of the moment (the time, the
caller's number) is written in front of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from voicebot.brain.chat_memory import Round, WantedCall
from voicebot.core.commands import StartBrain

HAND_TO_HUMAN = "hand_to_human"
END_CALL = "end_call"

Message = dict[str, Any]
"""One message of the chat completions dialect."""

_MISSING_RESULT = '{"error":"no result"}'
_NOT_DONE = '{"error":"not carried out: the caller did not say yes to it, or spoke before it was"}'


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A connector as the model sees it. `parameters` is a JSON Schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})


def messages(system_prompt: str, request: StartBrain, rounds: Sequence[Round] = (), moment: str = "") -> list[Message]:
    """Build the messages of one run.

    `rounds` are what was asked of connectors in this turn and before, `moment` is what is true only now: it stands
    behind the caller's words, where it spoils no prefix.
    """
    sent: list[Message] = [{"role": "system", "content": system_prompt}] if system_prompt else []
    earlier = [each for each in rounds if not _of_turn(each, request)]
    for index, line in enumerate(request.history):
        if line.speaker == "tool":
            # The dialect has tool results only as answers to calls.
            call = WantedCall(f"past_{index}", "lookup", "{}")
            sent += [_asked(Round("", (call,))), _answered(call, line.text)]
        else:
            sent.append({"role": "user" if line.speaker == "caller" else "assistant", "content": line.text})
        for each in earlier:
            if each.at == index:
                sent += _exchange(each, _NOT_DONE)
    for each in earlier:
        if each.at >= len(request.history):
            sent += _exchange(each, _NOT_DONE)
    sent.append({"role": "user", "content": f"{request.text}\n\n({moment})" if moment else request.text})
    if request.results:
        own = [each for each in rounds if _of_turn(each, request)] or [_supposed_round(request)]
        for each in own:
            sent += _exchange(each, _MISSING_RESULT)
    return sent


def _of_turn(each: Round, request: StartBrain) -> bool:
    """Whether a round belongs to the turn that is being answered."""
    return bool(request.results) and each.at == len(request.history)


def offered_tools(tools: Sequence[ToolSpec], reason_codes: Sequence[str]) -> list[Message]:
    """Describe the connectors and the two things that a model can do to the call itself."""
    reason: Message = {"type": "string", "description": "Why, in one word of the list."}
    if reason_codes:
        reason["enum"] = list(reason_codes)
    hand_over = ToolSpec(
        HAND_TO_HUMAN,
        "Transfer the caller to a human colleague. Only when the caller asks for it or you cannot help.",
        {"type": "object", "properties": {"reason": reason}, "required": ["reason"]},
    )
    end = ToolSpec(END_CALL, "Hang up after the caller has said goodbye.")
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.parameters),
            },
        }
        for tool in (*tools, hand_over, end)
    ]


def _exchange(each: Round, missing: str) -> list[Message]:
    """Write what was asked of connectors with what they said; every call must be answered, or servers refuse it all."""
    results = dict(enumerate(each.results))
    return [_asked(each), *(_answered(call, results.get(at, missing)) for at, call in enumerate(each.calls))]


def _supposed_round(request: StartBrain) -> Round:
    """Make up the calls of a turn that another brain began."""
    calls = (WantedCall(f"call_{index}", name, "{}") for index, (name, _) in enumerate(request.results))
    return Round("", tuple(calls), tuple(result for _, result in request.results))


def _asked(each: Round) -> Message:
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in each.calls
    ]
    return {"role": "assistant", "content": each.said or None, "tool_calls": calls}


def _answered(call: WantedCall, result: str) -> Message:
    return {"role": "tool", "tool_call_id": call.id, "content": result}
