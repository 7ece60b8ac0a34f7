"""Why each attempt was made, and with its account: told of a call for as long as the ledger has it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("why", "chosen"):
        op.add_column("attempts", sa.Column(name, sa.String, nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    for name in ("why", "chosen"):
        op.drop_column("attempts", name)
