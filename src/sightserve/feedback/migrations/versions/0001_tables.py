"""The tables as they were at first; frozen here, whatever becomes of `feedback.tables`."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "prediction",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", instant, nullable=False),
        sa.Column("model_name", sa.Text, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("model_sha256", sa.Text, nullable=False),
        sa.Column("image_sha256", sa.Text, nullable=False),
        sa.Column("image_bytes", sa.BigInteger, nullable=False),
        sa.Column("width", sa.BigInteger, nullable=False),
        sa.Column("height", sa.BigInteger, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("probability", sa.Double, nullable=False),
        sa.Column("recognised", sa.Boolean, nullable=False),
        sa.Column("top_k", sa.JSON, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
    )
    op.create_index("prediction_at", "prediction", ["at"])
    op.create_index("prediction_model", "prediction", ["model_sha256", "at"])
    op.create_table(
        "correction",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("prediction", sa.Text, sa.ForeignKey("prediction.id", ondelete="CASCADE"), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("label", sa.Text),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_index("correction_prediction", "correction", ["prediction", "at"])
    op.create_table(
        "photo",
        sa.Column("prediction", sa.Text, primary_key=True),
        sa.Column("image_sha256", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary),
        sa.Column("place", sa.Text),
        sa.Column("kept", sa.Boolean, nullable=False),
        sa.Column("expires", instant, nullable=False),
    )
    op.create_index("photo_expires", "photo", ["expires"])
    op.create_index("photo_image", "photo", ["image_sha256"])


def downgrade() -> None:
    """Delete them."""
    for table in ("photo", "correction", "prediction"):
        op.drop_table(table)
