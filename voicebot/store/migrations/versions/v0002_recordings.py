"""Where the recording of a call lies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; calls of before have no recording."""
    op.add_column("calls", sa.Column("recording", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop the column."""
    with op.batch_alter_table("calls") as calls:
        calls.drop_column("recording")
