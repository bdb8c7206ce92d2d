"""The command that measures more workers."""
