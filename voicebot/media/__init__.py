"""Audio inside the bot: frames, codecs, resampling, levels, voice activity and the playout ring."""
