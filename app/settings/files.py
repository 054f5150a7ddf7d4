"""Settings from files, as secrets managers mount them: a file is named as its variable, and holds the value."""

import os

from pydantic_settings import NestedSecretsSettingsSource, PydanticBaseSettingsSource, SettingsError

FOLDER = "GATEHOUSE_SECRETS_DIR"


def sources(plain: PydanticBaseSettingsSource) -> tuple[PydanticBaseSettingsSource, ...]:
    """The folder that the environment names, in the place of *plain*, which knows no groups."""
    folder = os.environ.get(FOLDER)
    return (_read(plain, folder),) if folder else ()


def _read(plain: PydanticBaseSettingsSource, folder: str) -> PydanticBaseSettingsSource:
    """Raises SettingsError with a sentence: a folder that cannot be read is not an empty one."""
    try:
        with os.scandir(folder):
            return NestedSecretsSettingsSource(plain, secrets_dir=folder)
    except OSError as refused:
        raise SettingsError(f"{FOLDER}: {refused.filename} cannot be read ({refused.strerror})") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{FOLDER}: each file is UTF-8 text, and one is not") from None
