"""Runs over many photos and videos: what they count, the tables that grow, and how they resume."""
