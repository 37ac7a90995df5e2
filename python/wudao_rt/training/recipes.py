"""From what a person names (a config, a file, a recipe, a run folder) to a config and a run folder."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from os import PathLike
from pathlib import Path

from wudao_rt.config import Config, load_config, parse_config
from wudao_rt.config.files import to_tables
from wudao_rt.errors import ConfigError
from wudao_rt.model_folder import CONFIG


@dataclass(frozen=True)
class Plan:
    """A config and the folder that its run goes to."""

    config: Config
    folder: Path


_IMAGES = "-vq"  # recipes of image tokenizers end so


def recipe_names(images: bool = False) -> list[str]:
    """Return the names of the recipes that come with the package: of language models, or of image tokenizers."""
    folder = resources.files("wudao_rt") / "recipes"
    names = sorted(Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return [name for name in names if name.endswith(_IMAGES) == images]


def recipe_file(name: str) -> Path:
    """Return the file of a recipe that comes with the package."""
    return Path(str(resources.files("wudao_rt") / "recipes" / f"{name}.toml"))


def read_run(config: Config | Path | str, changes: tuple[str, ...], resumed: bool) -> Plan:
    """Return the config, with changes, and the run folder that are meant.

    Raises:
        ConfigError: there is no such file, recipe or run.
    """
    if isinstance(config, Config):
        changed = parse_config(to_tables(config), changes)
        return Plan(changed, Path(changed.output.folder or "runs/run"))
    if not isinstance(config, (str, PathLike)):
        raise ConfigError(f"train: config: expected a Config, a file, a recipe or a run folder, got a "
                          f"{type(config).__name__}. Make a Config with wudao_rt.config.parse_config(tables).")
    path = Path(config)
    if resumed and (path / CONFIG).is_file():
        return Plan(load_config(path / CONFIG, changes), path)
    file = _file(path)
    found = load_config(file, changes)
    return Plan(found, Path(found.output.folder or f"runs/{file.stem}"))


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    if path.suffix == "" and str(path) in recipe_names():
        return recipe_file(str(path))
    raise ConfigError(f"train: {path}: expected a TOML file, a recipe ({', '.join(recipe_names())}), a run folder with "
                      "--resume, or files and folders of text, got none of them. Check the name.")
