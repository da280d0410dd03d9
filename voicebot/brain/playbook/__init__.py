"""The embedded brain: intents from examples and rules, slots by grammar, answers from templates. No model invents."""
