"""Services that told of themselves, with what they last said."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "announcements",
        sa.Column("service", sa.String, primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("announcements")
