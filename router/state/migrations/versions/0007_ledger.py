"""What each call and each of its attempts used and cost."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KINDS = ("fresh_input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")


def upgrade() -> None:
    op.create_table(
        "calls",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("key_id", sa.String, nullable=False),
        sa.Column("key_name", sa.String, nullable=False),
        sa.Column("client", sa.String, nullable=False),
        sa.Column("surface", sa.String, nullable=False),
        sa.Column("dialect", sa.String, nullable=False),
        sa.Column("upstream_dialect", sa.String, nullable=False),
        sa.Column("stream", sa.Boolean, nullable=False),
        sa.Column("lane", sa.String, nullable=False),
        sa.Column("asked", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("provider", sa.String, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        *(sa.Column(kind, sa.BigInteger, nullable=False) for kind in KINDS),
        sa.Column("estimated", sa.Boolean, nullable=False),
        sa.Column("cost", sa.BigInteger),
        sa.Column("worth", sa.BigInteger),
        sa.Column("prices", sa.String, nullable=False),
        sa.Column("first_byte", sa.Float),
        sa.Column("first_token", sa.Float),
        sa.Column("total", sa.Float, nullable=False),
        sa.Column("overhead", sa.Float),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("finish", sa.String, nullable=False),
        sa.Column("notes", sa.String, nullable=False),
    )
    op.create_index("ix_calls_at", "calls", ["at"])
    op.create_table(
        "attempts",
        sa.Column("call_id", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("provider", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        *(sa.Column(kind, sa.BigInteger, nullable=False) for kind in KINDS),
        sa.Column("estimated", sa.Boolean, nullable=False),
        sa.Column("cost", sa.BigInteger),
        sa.Column("worth", sa.BigInteger),
    )
    op.create_index("ix_attempts_at", "attempts", ["at"])


def downgrade() -> None:
    op.drop_table("attempts")
    op.drop_table("calls")
