"""What a drill measured: shown by `pytest -s`, and beside a failure."""


def measured(what: str) -> None:
    print(what)  # noqa: T201
