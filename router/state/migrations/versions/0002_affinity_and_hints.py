"""Who made which opaque item; whether a cooldown was the provider's own word."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "affinity",
        sa.Column("digest", sa.String, primary_key=True),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_index("ix_affinity_at", "affinity", ["at"])
    op.add_column("health", sa.Column("hinted", sa.Boolean, nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    op.drop_column("health", "hinted")
    op.drop_table("affinity")
