"""The tables of docs/configuration.md, from the dataclasses themselves: `python -m wudao_rt.config.reference`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, get_args, get_type_hints

from wudao_rt.config import cogview
from wudao_rt.config.glm import PRESETS
from wudao_rt.config.image import ImageConfig
from wudao_rt.config.tables import Config


def reference() -> str:
    """Return Markdown tables of every key with default, range and meaning, and of the presets."""
    return "\n".join([
        *_tables(Config), *_presets("Presets", PRESETS), "", *_presets("Presets of kind cogview", cogview.PRESETS), "",
        "# Image tokenizers", "", *_tables(ImageConfig)]).rstrip()


def _tables(config: type) -> Iterator[str]:
    for name, kind in get_type_hints(config).items():
        yield from _table(name, kind)


def _table(name: str, kind: type) -> Iterator[str]:
    yield f"## [{name}]\n\n| key | default | range | meaning |\n|---|---|---|---|"
    nested = []
    hints = get_type_hints(kind)
    for f in fields(kind):
        default = _default(f)
        nested += [(f"{name}.{f.name}", inner) for inner in (hints[f.name], *get_args(hints[f.name]))
                   if is_dataclass(inner)]
        yield f"| `{f.name}` | {_shown(default)} | {_range(f)} | {f.metadata.get('doc', '')} |"
    yield ""
    for inner, inner_kind in nested:
        yield from _table(inner, inner_kind)


def _default(f: Field) -> Any:
    return f.default_factory() if f.default_factory is not MISSING else f.default


def _shown(value: Any) -> str:
    if value is None or is_dataclass(value):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{list(value)}`".replace("'", '"')
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def _range(f: Field) -> str:
    about = f.metadata
    if about.get("choices"):
        return ", ".join(about["choices"])
    low, high = about.get("low"), about.get("high")
    if low is None and high is None:
        return ""
    return f"{low} to {high}" if high is not None and low is not None else f"at least {low}"


def _presets(title: str, presets: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {title}\n\n| preset | layers | width | heads | positions | vocabulary | parameters |"
    yield "|---|---|---|---|---|---|---|"
    for name, p in presets.items():
        yield (f"| `{name}` | {p.num_layers} | {p.hidden_size} | {p.num_heads} | {p.max_positions} | {p.vocab_size} | "
               f"{p.parameter_count:,} |")


if __name__ == "__main__":
    print(reference())
