"""What calls cost beside their tokens: service tiers, pieces, and what has no known price."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("calls", "attempts"):
        for name in ("service_tier", "items", "unpriced"):
            op.add_column(table, sa.Column(name, sa.String, nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    for table in ("calls", "attempts"):
        for name in ("service_tier", "items", "unpriced"):
            op.drop_column(table, name)
