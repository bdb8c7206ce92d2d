"""Calls to outside systems: stored before and after, and repeated until they have an outcome."""
