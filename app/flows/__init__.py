"""One story a file. The only room that begins transactions: decide inside, send outside (law 3)."""
