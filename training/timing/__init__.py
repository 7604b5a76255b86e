"""Seconds and memory of each step, and the accuracy of the fast line of sight.

Measurements for developers and docs; nothing else imports them.
"""
