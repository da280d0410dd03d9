"""All HTTP: health and metrics; a process of its own."""
