"""SIP and RTP: the only place that knows pjsua2. `legs` is what the rest of the bot sees of it."""
