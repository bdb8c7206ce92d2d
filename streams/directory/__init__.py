"""The directory: what everybody may know of a pool, written from what its stores opted into."""
