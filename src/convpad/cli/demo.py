"""`convpad demo`: the chapters of the demonstration, each as soon as it is known."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import Annotated, Any

import typer

from convpad.cli.options import Force, Json
from convpad.cli.output import progress, refuse_to_write, terminal
from convpad.display.text import to_text


def demo(
    output: Annotated[Path, typer.Option(help="The PNG to write.")] = Path("convpad-demo.png"),
    size: Annotated[int, typer.Option(help="Edge of the images in pixels: a multiple of 4 from 32 to 256.")] = 128,
    force: Force = False,
    json: Json = False,
) -> None:
    """Audit, fold, repad and time a real network, and show what paddings do to a photograph.

    MobileNetV2 reads a photograph. The demo lists what the network pads, folds
    its padding layers, mirrors every border, compares the output with the NumPy
    oracle's, and times it next to Keras's layers and to padding layers. Then
    the first layers of ResNet-50 read the photograph with eleven paddings, and
    each output is compared with that on the uncropped photograph. Writes a
    picture.

    Runs on KERAS_BACKEND, or on JAX where that is not set. Under a minute.

    Example: convpad demo --output borders.png --force

    Exit status: 0 all agree, 1 some do not, 2 it cannot start.
    """
    from convpad import demo as demonstration

    refuse_to_write("--output", output, force=force)
    demonstration.prepare(size=size)
    chapters: list[Any] = []
    with progress("starting Keras", demonstration.STEPS) as (bar, step):
        for chapter in demonstration.run(output, size=size, on_step=step):
            chapters.append(chapter)
            if not json:
                bar.stop()
                width, colour = terminal()
                # In a pipe, too, it is a text to be read: its lines end where a terminal's do.
                typer.echo(to_text(chapter.table, width or 80, colour=colour))
                typer.secho("".join(f"{text}\n" for text in chapter.wrong), fg="red" if colour else None, bold=colour)
                bar.start()
    wrong = [sentence for chapter in chapters for sentence in chapter.wrong]
    facts = {name: value for chapter in chapters for name, value in chapter.facts.items()}
    typer.echo(dumps({**facts, "wrong": wrong}, indent=2) if json else f"Picture: {output}")
    if wrong:
        raise typer.Exit(1)
