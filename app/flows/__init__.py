"""One story a file. The only room, with `watch/limits`, that begins transactions: decide inside, send outside (law 3)."""
