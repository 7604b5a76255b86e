"""Sharing networks: a registry is a folder with an index, on any file system, object store or web space.

Nothing here may run code that a registry holds, or use networks that were not checked.
"""
