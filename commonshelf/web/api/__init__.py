"""The micro-fulfilment API, version 1: what programs ask of a pool, and tell it."""
