"""Variables that nobody reads: where one names a group that is not there, it is refused as an unknown setting of a group is."""

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

_PREFIX, _BETWEEN = "gatehouse_", "__"
_OF_A_SERVICE = "service_host"
"""Kubernetes tells each pod of a Service called gatehouse, or gatehouse-something, in names that begin alike."""


class Unknown(PydanticBaseSettingsSource):
    """Names what *sources* hold for groups that are not there; without the values, which may be secrets."""

    def __init__(self, settings: type[BaseSettings], sources: Iterable[PydanticBaseSettingsSource]) -> None:
        super().__init__(settings)
        self._names = [name for one in sources if isinstance(one, EnvSettingsSource) for name in _ours(one.env_vars)]

    def __call__(self) -> dict[str, Any]:
        groups = {name for name, field in self.settings_cls.model_fields.items() if _is_group(field)}
        return dict.fromkeys(name for name in self._names if _BETWEEN in name and name.split(_BETWEEN)[0] not in groups)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002  it has none
        return None, field_name, False


def unread(variables: Iterable[str], settings: type[BaseSettings]) -> list[str]:
    """Names without a group that are no setting either. They may be somebody else's, so they stop nothing."""
    names = [name for name in _ours(variables) if _BETWEEN not in name and name not in settings.model_fields]
    services = [name.removesuffix(_OF_A_SERVICE) for name in names if name.endswith(_OF_A_SERVICE)]
    given = tuple(f"{service}{what}" for service in services for what in ("service_", "port"))
    return [f"{_PREFIX}{name}".upper() for name in sorted(names) if not name.startswith(given)]


def _ours(variables: Iterable[str]) -> Iterator[str]:
    return (name.removeprefix(_PREFIX) for name in map(str.lower, variables) if name.startswith(_PREFIX))


def _is_group(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
