"""Metrics as Prometheus would read them: samples by name and labels."""

from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from app.watch import exposition

_ENDINGS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_sum", "_count")}


def sample(name: str, **labels: str) -> float:
    """What it is now; 0 before it was first counted."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def read(text: str, name: str, **labels: str) -> float:
    """The sum of the samples called *name* that have *labels*, in an answer of /metrics."""
    families = list(text_string_to_metric_families(text))
    found = [one for family in families for one in family.samples if one.name == name]
    return sum(one.value for one in found if labels.items() <= one.labels.items())


def labels_by_metric() -> dict[str, set[str]]:
    """Every metric of ours, as it is named in a query, with its labels."""
    known: dict[str, set[str]] = {}
    for collector in REGISTRY._collector_to_names:
        name, kind = getattr(collector, "_name", ""), getattr(collector, "_type", "")
        if name.startswith("gatehouse_"):
            labels = set(getattr(collector, "_labelnames", ()))
            known |= {f"{name}{ending}": labels for ending in _ENDINGS[kind]}
            known |= {f"{name}_bucket": {*labels, "le"}} if kind == "histogram" else {}
    return known


def everything() -> str:
    return exposition.render()[0].decode()
