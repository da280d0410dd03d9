"""Runs the migrations on the connection that `voicebot.store.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from voicebot.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite can alter hardly anything in place: tables are copied instead.
    render_as_batch=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
