"""HTTP that all connectors share: requests received within limits and verified, and calls to others' APIs."""
