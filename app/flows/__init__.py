"""One story a file. Transactions begin here: decide inside, send outside (law 3).

Elsewhere only `watch` begins its own, for what has to stay whatever becomes of the story (limits, throttle, network_limits,
sightings) or belongs to none (sealer); and `store/audit_roles`, for `gatehouse migrate`.
"""
