"""Calls, their turns and the policies that they pinned."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "policies",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("resolved", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_policies"),
    )
    op.create_table(
        "calls",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sip_call_id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("called", sa.String(), nullable=False),
        sa.Column("started_at", sa.String(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.String(), nullable=True),
        sa.Column("ended_at", sa.String(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("disposition", sa.String(), nullable=False),
        sa.Column("reason_code", sa.String(), nullable=False),
        sa.Column("policy_hash", sa.String(), nullable=False),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("journal", sa.String(), nullable=False),
        sa.Column("replayable", sa.Boolean(), nullable=False),
        sa.Column("interrupted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
    )
    op.create_index("ix_calls_started_ms", "calls", ["started_ms"])
    op.create_index("ix_calls_caller", "calls", ["caller"])
    op.create_table(
        "turns",
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("caller_text", sa.Text(), nullable=False),
        sa.Column("bot_text", sa.Text(), nullable=False),
        sa.Column("layer", sa.String(), nullable=False),
        sa.Column("last_voiced_ms", sa.Integer(), nullable=False),
        sa.Column("endpointing_ms", sa.Integer(), nullable=False),
        sa.Column("asr_ms", sa.Integer(), nullable=False),
        sa.Column("brain_ms", sa.Integer(), nullable=False),
        sa.Column("tts_ms", sa.Integer(), nullable=False),
        sa.Column("playout_ms", sa.Integer(), nullable=False),
        sa.Column("silence_ms", sa.Integer(), nullable=True),
        sa.Column("barge_in", sa.Boolean(), nullable=False),
        sa.Column("barge_in_stop_ms", sa.Integer(), nullable=True),
        sa.Column("gaps_ms", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_turns_call_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_id", "number", name="pk_turns"),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("turns")
    op.drop_table("calls")
    op.drop_table("policies")
