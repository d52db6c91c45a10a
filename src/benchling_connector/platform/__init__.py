"""The connectors' home when it is not the Tetra Data Platform, on the database of their workers."""
