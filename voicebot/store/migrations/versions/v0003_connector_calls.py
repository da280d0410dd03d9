"""What connectors were asked to do, and what came of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "connector_calls",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("connector", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at_ms", sa.Integer(), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("side_effect", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_connector_calls"),
    )
    op.create_index("ix_connector_calls_call_id", "connector_calls", ["call_id"])
    op.create_index("ix_connector_calls_key", "connector_calls", ["key"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("connector_calls")
