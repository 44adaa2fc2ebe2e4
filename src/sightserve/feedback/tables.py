"""The tables that feedback is kept in. What is changed here needs a migration in `migrations/versions`."""

from datetime import UTC, datetime

import sqlalchemy as sa


class Instant(sa.types.TypeDecorator[datetime]):
    """A time in UTC; SQLite has no time zones, so that one without is UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """To the database."""
        if value is None:
            return None
        value = utc(value)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """From the database."""
        return None if value is None else utc(value)


def utc(value: datetime) -> datetime:
    """Return the same time in UTC; without a time zone it is in UTC already."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = sa.MetaData()

prediction = sa.Table(
    "prediction",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("model_name", sa.Text, nullable=False),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("model_sha256", sa.Text, nullable=False),
    sa.Column("image_sha256", sa.Text, nullable=False),
    sa.Column("image_bytes", sa.BigInteger, nullable=False),
    sa.Column("width", sa.BigInteger, nullable=False),  # pixels, of the upright image
    sa.Column("height", sa.BigInteger, nullable=False),
    sa.Column("format", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("probability", sa.Double, nullable=False),
    sa.Column("recognised", sa.Boolean, nullable=False),
    sa.Column("top_k", sa.JSON, nullable=False),  # [[label, probability], ...], most probable first
    sa.Column("source", sa.Text, nullable=False),
    sa.Index("prediction_at", "at"),
    sa.Index("prediction_model", "model_sha256", "at"),
)

# Many for one prediction: the last counts.
correction = sa.Table(
    "correction",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),  # given before it is written: written twice, it is there once
    sa.Column("prediction", sa.Text, sa.ForeignKey("prediction.id", ondelete="CASCADE"), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("label", sa.Text),
    sa.Column("note", sa.Text, nullable=False),
    sa.Index("correction_prediction", "prediction", "at"),
)

# One for a prediction. No foreign key: what lies outside the database is deleted after its prediction, and until then this
# row says that it is there.
photo = sa.Table(
    "photo",
    metadata,
    sa.Column("prediction", sa.Text, primary_key=True),
    sa.Column("image_sha256", sa.Text, nullable=False),
    sa.Column("data", sa.LargeBinary),  # a JPEG; null where it lies outside
    sa.Column("place", sa.Text),  # the URL of what lies outside
    sa.Column("kept", sa.Boolean, nullable=False),  # false: on its way to its place, or away from it
    sa.Column("expires", Instant, nullable=False),
    sa.Index("photo_expires", "expires"),
    sa.Index("photo_image", "image_sha256"),
)
