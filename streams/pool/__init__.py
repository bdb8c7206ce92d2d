"""What can the pool promise? Shelves, sales, counts: the stock half of the pool's decisions."""
