"""The Tetra Data Platform's own connector API, for scripts and SDKs that were written for it."""
