"""What each client key may do at once, and who goes first."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("client_keys", sa.Column("concurrency", sa.Integer))
    op.add_column("client_keys", sa.Column("queue", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column(
        "client_keys", sa.Column("priority", sa.String, nullable=False, server_default=sa.text("'interactive'"))
    )


def downgrade() -> None:
    for name in ("priority", "queue", "concurrency"):
        op.drop_column("client_keys", name)
