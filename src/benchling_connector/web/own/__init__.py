"""Our own API, for what the Tetra Data Platform's has no words for."""
