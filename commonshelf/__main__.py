"""`python -m commonshelf` is the commonshelf command."""

from commonshelf.cli import main

main()
