"""The reference arrival app: pages for the customer and for the counter, over the contract that any app may keep to."""
