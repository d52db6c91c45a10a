"""The open Benchling connector: Benchling events become RAW files in a data lake."""

__version__ = "0.1.0"
