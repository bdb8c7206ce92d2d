"""What outside systems write (codes, decimals, times, lines, XML), made into values of the vocabulary. Pure."""
