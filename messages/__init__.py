"""Typed contracts of the mesh: what travels, and what it is called. Pure data, no I/O."""
