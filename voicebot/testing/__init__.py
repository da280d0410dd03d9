"""What tests, the demo and one's own scripts phone the bot with: a telephone, fakes, servers, speech."""
