"""A telephone voice bot on SIP. The rooms and the ways between them: docs/design.md."""
