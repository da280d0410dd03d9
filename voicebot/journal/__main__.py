"""Replay one journal in this interpreter; `voicebot replay` starts it under two hash seeds."""

from __future__ import annotations

import sys

from voicebot.journal.console import replay_here

sys.exit(replay_here(sys.argv[1:], "" if sys.stdin.isatty() else sys.stdin.read()))
