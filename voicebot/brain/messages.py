"""What a language model is sent: messages and tools in OpenAI's dialect, made from a StartBrain.

The beginning of the list must be the same bytes in every turn of a call, because servers keep what they have computed
for a prefix. So the system prompt never changes, history is only appended to, and nothing of the moment (the time, the
caller's number) is written in front of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from voicebot.core.commands import StartBrain

HAND_TO_HUMAN = "hand_to_human"
END_CALL = "end_call"

Message = dict[str, Any]
"""One message of the chat completions dialect."""

_MISSING_RESULT = '{"error":"no result"}'


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A connector as the model sees it. `parameters` is a JSON Schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})


@dataclass(frozen=True, slots=True)
class WantedCall:
    """A tool call of the model. `arguments` is the text of a JSON object."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Round:
    """What the model said and asked for before it waited for tools."""

    said: str
    calls: tuple[WantedCall, ...]


def remember(rounds: Sequence[Round]) -> str:
    """Write the rounds of a turn as the `memory` that the next run of the same turn gets."""
    rows = [[r.said, [[call.id, call.name, call.arguments] for call in r.calls]] for r in rounds]
    return json.dumps(rows, separators=(",", ":"))


def recall(memory: str) -> tuple[Round, ...]:
    """Read what `remember` wrote. Raises ValueError."""
    if not memory:
        return ()
    try:
        return tuple(Round(said, tuple(WantedCall(*call) for call in calls)) for said, calls in json.loads(memory))
    except TypeError as error:
        raise ValueError("the memory of a run was not written by this brain") from error


def messages(system_prompt: str, request: StartBrain) -> list[Message]:
    """Build the messages of one run. Raises ValueError for a memory that is not ours."""
    sent: list[Message] = [{"role": "system", "content": system_prompt}] if system_prompt else []
    for index, line in enumerate(request.history):
        if line.speaker == "tool":
            # The dialect has tool results only as answers to calls.
            call = WantedCall(f"past_{index}", "lookup", "{}")
            sent += [_asked(Round("", (call,))), _answered(call, line.text)]
        else:
            sent.append({"role": "user" if line.speaker == "caller" else "assistant", "content": line.text})
    sent.append({"role": "user", "content": request.text})
    if request.results:
        sent += _tool_messages(recall(request.memory) or _supposed_rounds(request), request)
    return sent


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


def _tool_messages(rounds: Sequence[Round], request: StartBrain) -> list[Message]:
    results = iter(request.results)
    sent: list[Message] = []
    for each in rounds:
        sent.append(_asked(each))
        # Every call must be answered, or servers refuse the whole request.
        sent += [_answered(call, next(results, (call.name, _MISSING_RESULT))[1]) for call in each.calls]
    return sent


def _supposed_rounds(request: StartBrain) -> tuple[Round, ...]:
    """Make up the calls of a turn that another brain began."""
    calls = (WantedCall(f"call_{index}", name, "{}") for index, (name, _) in enumerate(request.results))
    return (Round("", tuple(calls)),)


def _asked(each: Round) -> Message:
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in each.calls
    ]
    return {"role": "assistant", "content": each.said or None, "tool_calls": calls}


def _answered(call: WantedCall, result: str) -> Message:
    return {"role": "tool", "tool_call_id": call.id, "content": result}
