"""Square's point of sale: orders paid for, returns, stock changes and counts. See docs/connectors/square.md."""
