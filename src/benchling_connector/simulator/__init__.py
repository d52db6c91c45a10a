"""A simulated Benchling tenant: for the demo, for tests, for benchmarks.

`Tenant` is the state and what happens in it, `TenantServer` serves it over HTTP, `events` and
`publisher` put its events on a queue. `python -m benchling_connector.simulator` runs it as a
process of its own.
"""
