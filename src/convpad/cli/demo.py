"""What does `convpad demo` do? It runs the demo, shows how far it is, and prints each chapter as it comes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from convpad.cli.files import refuse_to_write
from convpad.core.errors import PaddingError

__all__ = ["demo"]


def demo(
    output: Annotated[Path, typer.Option(help="The PNG to write.")] = Path("convpad-demo.png"),
    size: Annotated[int, typer.Option(help="Edge of the images in pixels: a multiple of 4 from 32 to 256.")] = 128,
    force: Annotated[bool, typer.Option("--force", help="Replace the PNG if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Audit, fold, repad and time a real network, and look at what paddings do to a photograph.

    MobileNetV2 reads a photograph: what it pads, its padding layers melted
    away, all of it mirrored at the border and held against the NumPy oracle,
    and how fast that is next to Keras and to padding layers. Then the first
    layers of ResNet-50 read it with eleven paddings, and each is compared with
    what they give where the photograph goes on. Writes a picture.

    Runs on KERAS_BACKEND, or on JAX where that is not set. About half a minute.

    Example: convpad demo --output borders.png --force

    Exit status: 0 all agree, 1 some do not, 2 it cannot start.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from convpad import demo as demonstration

    out, errors = Console(), Console(stderr=True)
    try:
        refuse_to_write("--output", output, force=force)
        demonstration.prepare(size=size)
    except PaddingError as error:
        typer.echo(f"convpad demo: {error}", err=True)
        raise typer.Exit(2) from None
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    told: list[Any] = []
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task("starting Keras", total=demonstration.steps())

        def on_step(description: str) -> None:
            progress.update(task, advance=1, description=escape(description))

        from convpad.demo.facts import facts
        from convpad.demo.report import shown

        for chapter in demonstration.run(output, size=size, on_step=on_step):
            told.append(chapter)
            if not json:
                progress.stop()  # so that it does not stand in the middle of the text
                out.print(shown(chapter), "", highlight=False)
                progress.start()
    if json:
        typer.echo(facts(told))
    else:
        out.print(f"Picture: {output}", markup=False, highlight=False, soft_wrap=True)
    if any(chapter.wrong for chapter in told):
        raise typer.Exit(1)
