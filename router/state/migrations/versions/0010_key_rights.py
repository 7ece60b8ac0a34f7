"""What each client key may do, and whether it is refused for the time being."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("client_keys", sa.Column("rights", sa.String, nullable=False, server_default=sa.text("''")))
    op.add_column("client_keys", sa.Column("disabled", sa.Boolean, nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    for name in ("disabled", "rights"):
        op.drop_column("client_keys", name)
