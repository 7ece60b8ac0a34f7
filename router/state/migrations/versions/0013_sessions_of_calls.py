"""Which session each call was a part of, by a pseudonym: "" where its client named none, or it was not tracked."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("session", sa.String, nullable=False, server_default=sa.text("''")))
    op.create_index("ix_calls_session", "calls", ["session"], sqlite_where=sa.text("session != ''"))


def downgrade() -> None:
    op.drop_index("ix_calls_session", "calls")
    op.drop_column("calls", "session")
