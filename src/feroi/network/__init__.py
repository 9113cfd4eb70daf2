"""The network of the paper: features, attention, heads, and weights on disk.

Needs torch, but for `description`.
"""
