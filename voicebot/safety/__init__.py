"""What must not be written down, said or done: rules, and the vault that keeps what they find."""
