"""Seconds and memory of each step, and the accuracy of the fast line of sight.

Measurements for developers and docs; only the command line imports this room.
"""
