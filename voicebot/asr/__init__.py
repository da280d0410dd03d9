"""Speech recognisers behind one Protocol: embedded, remote, and how to pick one by name."""
