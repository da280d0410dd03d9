"""What decides the answers: a deterministic playbook, or a language model behind an OpenAI-compatible server."""
