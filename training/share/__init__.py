"""Sharing networks: a registry is a folder with an index, on any file system, object store or web space.

No file of a registry holds code.
"""
