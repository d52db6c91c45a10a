"""Routes for what the Tetra Data Platform has no words for."""
