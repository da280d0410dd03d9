"""The store's Alembic tree. `voicebot.store.upgrade` runs it; there is no alembic.ini."""
