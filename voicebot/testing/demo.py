"""`voicebot demo`: the bot, an agent's phone, and a caller who rings, asks, interrupts and wants a person.

Everything is real but the people: the bot is a process of its own that answers SIP, the caller and the agent are phones
that share no code with the bot's SIP stack. The bot's words come from the call's journal while it is being written.
"""

from __future__ import annotations

import sys
from pathlib import Path

from voicebot.config import Settings
from voicebot.store.database import Store
from voicebot.store.records import TurnRecord
from voicebot.testing.bot_process import BotDidNotStart, BotProcess
from voicebot.testing.journal_tail import JournalTail
from voicebot.testing.phone.agent import AgentPhone
from voicebot.testing.phone.caller import Phone
from voicebot.testing.scripted_caller import Conversation, ScriptedCaller, demo_script, summary

NUMBER = "100"
DIALPLAN = "harbor-lane"

UNDERSTOOD = (("9 AM to 5 PM",), ("14 dollars",), ("four, eight, two, one, three",), ())
"""What the bot's answer to each turn of the demo must hold; the last turn is answered by the transfer."""

DONE, BAD = 0, 1


def run_demo(settings: Settings) -> int:
    """Run the demo; 0 when every turn was understood and the caller reached the agent."""
    data_dir = settings.data.dir / "demo"
    with AgentPhone() as agent:
        bot = BotProcess(data_dir, {"VOICEBOT_AGENT_URI": agent.uri, "VOICEBOT_DIALPLANS__DEFAULT": DIALPLAN})
        _tell(f"starting the bot at {bot.uri(NUMBER)}; loading its engines takes some seconds")
        try:
            bot.start()
        except BotDidNotStart as error:
            sys.stderr.write(f"{error}\n")
            return BAD
        try:
            journal = JournalTail(data_dir)
            with Phone() as phone:
                conversation = ScriptedCaller(phone, _tell, journal.spoken).call(bot.uri(NUMBER), demo_script())
            reached = agent.wait_call(0) is not None
        finally:
            bot.stop()
    return _conclude(conversation, data_dir, journal.call_id, reached=reached)


def _conclude(conversation: Conversation, data_dir: Path, call_id: str, *, reached: bool) -> int:
    store = Store(f"sqlite:///{data_dir / 'voicebot.sqlite'}")
    found = store.call(call_id)
    store.close()
    record, turns = found or (None, ())
    _tell("")
    for line in summary(conversation):
        _tell(line)
    disposition = record.disposition if record else "none"
    _tell(f"  on record: {disposition}; the agent's phone {'answered' if reached else 'did not ring'}")
    wrong = [number for number in range(1, len(UNDERSTOOD) + 1) if not _understood(number, turns)]
    for number in wrong:
        _tell(f"  turn {number} was not answered as it should have been")
    command = f"VOICEBOT_DATA__DIR={data_dir} scripts/run"
    _tell(f"  see where the silence went: {command} trace {call_id}")
    _tell(f"  run the call again:         {command} replay {call_id}")
    good = not wrong and conversation.transferred and reached and disposition == "transferred"
    return DONE if good else BAD


def _understood(number: int, turns: tuple[TurnRecord, ...]) -> bool:
    turn = next((turn for turn in turns if turn.number == number), None)
    return turn is not None and all(words in turn.bot_text for words in UNDERSTOOD[number - 1])


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
