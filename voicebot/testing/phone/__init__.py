"""A telephone for tests and demonstrations that shares no code with the bot's SIP stack.

Signalling and media formats (`message`, `sdp`, `rtp`, `resend`, `dialog`) are sans-IO: they neither open sockets nor
read a clock, so that a test can step them through any timeline. `endpoint` and `line` add sockets and threads;
`caller` and `agent` are the two people at the ends of a call.
"""

from voicebot.testing.phone.agent import AgentPhone
from voicebot.testing.phone.caller import CallFailed, Phone, ReferPolicy
from voicebot.testing.phone.recording import Recording

__all__ = ["AgentPhone", "CallFailed", "Phone", "Recording", "ReferPolicy"]
