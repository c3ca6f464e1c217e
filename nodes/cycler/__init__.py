"""Cyclers: their channels, protocols and files."""
