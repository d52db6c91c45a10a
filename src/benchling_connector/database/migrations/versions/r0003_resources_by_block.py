"""Events by their resource, in an index that grows at its end."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes one index anew: some seconds for each million events."""
    op.drop_index("ix_events_resource_id", "events")
    op.create_index("ix_events_resource_id", "events", [sa.text("(id / 8192)"), "resource_id"])
