"""What each client key may use."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("client_keys", sa.Column("limits", sa.String, nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    op.drop_column("client_keys", "limits")
