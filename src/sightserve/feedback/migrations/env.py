"""What Alembic runs: on the connection that `feedback.schema` hands it, inside its transaction."""

from alembic import context

from sightserve.feedback.schema import VERSION_TABLE
from sightserve.feedback.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
context.run_migrations()
