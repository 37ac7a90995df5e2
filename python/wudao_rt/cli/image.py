"""wudao-rt image."""

from __future__ import annotations

from pathlib import Path

import click

from wudao_rt.cli.mistakes import Group
from wudao_rt.cli.options import FILE, Number, echo_json, set_option, threads_option

_MODEL = click.option("--model", required=True, metavar="DIR", help="Run folder or folder of a saved tokenizer.")


@click.group("image", cls=Group)
def command() -> None:
    """Turn pictures into codes and back.

    \b
    Example:
      wudao-rt image train-tokenizer emoji-vq
      wudao-rt image encode my_pictures/*.png --model runs/emoji-vq --to my.codes
      wudao-rt image decode my.codes --model runs/emoji-vq --to decoded/
      wudao-rt image encode-dataset emoji --model runs/emoji-vq --to emoji-codes/
    """


@command.command("pack")
@click.argument("source", type=FILE, metavar="DIR|JSONL")
@click.option("--to", "target", required=True, type=FILE, metavar="DIR",
              help="Folder to write: `data.corpus` of a run.")
@click.option("--size", type=click.IntRange(min=1), default=32, show_default=True, metavar="N",
              help="Width and height that pictures get.")
@click.option("--no-crop", is_flag=True, help="Refuse pictures that are not square.")
@click.option("--held-out", type=Number(0, 0.5), default=0.01, show_default=True, metavar="S",
              help="Share of the pictures that is never trained on.")
def pack(source: Path, target: Path, size: int, no_crop: bool, held_out: float) -> None:
    """Prepare your own pictures: a folder of name.png and name.txt, or JSON lines {"image": ..., "text": ...}.

    \b
    Example:
      wudao-rt image pack my_pictures/ --to runs/mine
      wudao-rt image train-tokenizer emoji-vq --set data.corpus=runs/mine --set output.folder=runs/mine-vq
      wudao-rt train emoji-cogview --set 'data.corpora=["runs/mine"]' --set data.pictures.image_tokenizer=runs/mine-vq
    """
    from wudao_rt.data.pictures import read_folder, read_jsonl, write_pictures

    read = read_folder if source.is_dir() else read_jsonl
    about = write_pictures(target, read(source, size, not no_crop, held_out), size)
    _say(f"{target}: {about['count']} pictures of {size} x {size} pixels")


@command.command("train-tokenizer")
@click.argument("what", metavar="CONFIG.toml|RECIPE|RUN")
@set_option
@click.option("--max-seconds", type=Number(min=0), default=0.0, metavar="N",
              help="Save and stop after N seconds of training.")
@click.option("--resume", "resumed", is_flag=True, help="Go on from the last good checkpoint.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on the last line.")
def train(what: str, changes: tuple[str, ...], max_seconds: float, resumed: bool, as_json: bool) -> None:
    """Train an image tokenizer: a config file, or a recipe by name.

    SIGTERM, SIGINT and SIGUSR1 save and stop; --resume with the run folder goes on. Under mpiexec the ranks share every
    batch; the bits are those of one process.

    \b
    Example:
      wudao-rt image train-tokenizer emoji-vq --max-seconds 60
      wudao-rt image train-tokenizer runs/emoji-vq --resume
      mpiexec -n 4 wudao-rt image train-tokenizer emoji-vq
    """
    from wudao_rt.distributed import init
    from wudao_rt.image.training import train_tokenizer

    report = train_tokenizer(what, changes=changes, resumed=resumed, max_seconds=max_seconds, say=_say)
    if as_json and init().rank == 0:
        echo_json(report.to_json())


@command.command("encode")
@click.argument("pictures", nargs=-1, required=True, type=FILE)
@_MODEL
@click.option("--to", "target", required=True, type=FILE, metavar="FILE", help="File of codes to write.")
@click.option("--size", type=click.IntRange(min=1), default=32, show_default=True, metavar="N",
              help="Width and height that pictures get.")
@click.option("--no-crop", is_flag=True, help="Refuse pictures that are not square.")
@threads_option
def encode(pictures: tuple[Path, ...], model: str, target: Path, size: int, no_crop: bool) -> None:
    """Write the codes of PNG, JPEG or WebP pictures to a file. What is transparent becomes white.

    \b
    Example:
      wudao-rt image encode apple.png --model runs/emoji-vq --to apple.codes
    """
    import numpy as np

    from wudao_rt.data.pictures import on_white
    from wudao_rt.data.pictures.decoding import read_square
    from wudao_rt.image.code_file import write_codes
    from wudao_rt.image.folder import require_tokenizer

    tokenizer = require_tokenizer(model)
    pixels = on_white(np.stack([read_square(file, size, not no_crop) for file in pictures]))
    codes = tokenizer.encode(pixels)
    write_codes(target, codes, tokenizer.config.codes, tokenizer.fingerprint(), [file.name for file in pictures])
    _say(f"{target}: {len(codes)} pictures of {codes.shape[1]} x {codes.shape[2]} codes")


@command.command("encode-dataset")
@click.argument("source", metavar="CORPUS|FOLDER|FILE.jsonl")
@_MODEL
@click.option("--to", "target", required=True, type=FILE, metavar="DIR", help="Folder for codes and captions.")
@click.option("--size", type=click.IntRange(min=1), default=32, show_default=True, metavar="N",
              help="Width and height that your own pictures get.")
@threads_option
def encode_all(source: str, model: str, target: Path, size: int) -> None:
    """Write the codes of pictures with their captions to a folder.

    A corpus (emoji, stamps), a folder of packed pictures or of name.png with name.txt, or JSON lines.

    \b
    Example:
      wudao-rt image encode-dataset emoji --model runs/emoji-vq --to emoji-codes/
      wudao-rt image encode-dataset my_pictures/ --model runs/emoji-vq --to my-codes/
    """
    from wudao_rt.image.code_dataset import encode_dataset
    from wudao_rt.image.folder import require_tokenizer
    from wudao_rt.image.sources import open_pictures

    tokenizer = require_tokenizer(model)
    found = encode_dataset(target, open_pictures(source, size), tokenizer)
    _say(f"{target}: {len(found)} pictures of {found.codes.shape[1]} x {found.codes.shape[2]} codes")


@command.command("decode")
@click.argument("codes", type=FILE)
@_MODEL
@click.option("--to", "target", required=True, type=FILE, metavar="DIR", help="Folder for the PNG files.")
@threads_option
def decode(codes: Path, model: str, target: Path) -> None:
    """Write the pictures of a file of codes as PNG files.

    \b
    Example:
      wudao-rt image decode apple.codes --model runs/emoji-vq --to decoded/
    """
    from wudao_rt.errors import CheckpointError
    from wudao_rt.image.code_file import read_codes
    from wudao_rt.image.folder import require_tokenizer
    from wudao_rt.image.png import write_pngs

    found = read_codes(codes)
    tokenizer = require_tokenizer(model)
    if found.tokenizer != tokenizer.fingerprint():
        raise CheckpointError(f"image decode: --model: expected the tokenizer {found.tokenizer[:12]}... that made "
                              f"{codes}, got {tokenizer.fingerprint()[:12]}... Give the one that encoded it.")
    names = [Path(name).stem for name in found.names] or [f"{i:06d}" for i in range(len(found.codes))]
    written = write_pngs(target, names, tokenizer.decode(found.codes))
    _say(f"{target}: {written} pictures")


def _say(text: str) -> None:
    click.echo(text)
