"""Posts of partners to us: messages that become reports and requests, answered with the pool's word on them."""
