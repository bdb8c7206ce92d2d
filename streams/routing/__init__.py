"""Routes for cargo bikes and vans, by the rules of docs/routing.md. Pure; PyVRP searches, in `streams.routing.plan`."""
