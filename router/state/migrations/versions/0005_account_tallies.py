"""What each account has done since it was first used."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_tallies",
        sa.Column("account", sa.String, primary_key=True),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("input_tokens", sa.Integer, nullable=False),
        sa.Column("output_tokens", sa.Integer, nullable=False),
        sa.Column("last_used_at", sa.Float),
        sa.Column("last_error", sa.String, nullable=False),
        sa.Column("last_error_at", sa.Float),
    )


def downgrade() -> None:
    op.drop_table("account_tallies")
