"""`python -m app.cli`: the `gatehouse` command without installing the project."""

from app.cli import main

main()
