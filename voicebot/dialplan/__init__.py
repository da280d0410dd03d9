"""From YAML to a frozen, hashed policy: what a call to a number says, knows and may do."""
