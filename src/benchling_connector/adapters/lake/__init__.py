"""The lake: a folder, or a bucket of S3, Google Cloud Storage or Azure."""

from benchling_connector.adapters.lake.opening import OpenLake, open_lake
from benchling_connector.adapters.lake.probe import LakeProbe, Trial, probe_lake

__all__ = ["LakeProbe", "OpenLake", "Trial", "open_lake", "probe_lake"]
