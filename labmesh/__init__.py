"""The client library and the tools of the mesh."""
