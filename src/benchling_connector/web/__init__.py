"""The platform by HTTP."""
