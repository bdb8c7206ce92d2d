"""Parsers of outside systems' codes, decimals, times, lines and XML into values of the vocabulary. Pure."""
