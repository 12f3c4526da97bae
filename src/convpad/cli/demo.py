"""What does `convpad demo` do? It runs the demo, shows how far it is, and prints its table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from convpad.demo.measure import Outcome

__all__ = ["demo"]


def demo(
    output: Annotated[Path, typer.Option(help="The PNG to write.")] = Path("convpad-demo.png"),
    size: Annotated[int, typer.Option(help="Edge of the crop in pixels: a multiple of 4 from 32 to 256.")] = 128,
    force: Annotated[bool, typer.Option("--force", help="Replace the PNG if it exists.")] = False,
) -> None:
    """Pad a real photograph in a real network in eleven ways, and see what each leaves at the border.

    A photograph is cropped, so its true surroundings are known. The first
    layers of ResNet-50 read the crop with each padding. Every result is
    checked against the NumPy oracle, and compared with what the same layers
    give where the photograph goes on. Prints a table and writes a picture.

    Runs on KERAS_BACKEND, or on JAX where that is not set.

    Example: convpad demo --output borders.png --force

    Exit status: 0 all agree with the oracle, 1 some do not, 2 it cannot start.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from convpad import demo as demonstration

    errors = Console(stderr=True)
    try:
        demonstration.prepare(output, size=size, force=force)
    except demonstration.DemoError as error:
        errors.print(f"convpad demo: {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=errors
    ) as progress:
        task = progress.add_task("starting Keras", total=demonstration.steps())

        def on_step(description: str) -> None:
            progress.update(task, advance=1, description=escape(description))

        outcomes = demonstration.run(output, size=size, on_step=on_step)
    _report(Console(), outcomes, output)
    if not all(outcome.agrees for outcome in outcomes):
        raise typer.Exit(1)


def _amounts(outcome: Outcome) -> str:
    """`3,3 1,1 1,1`: before and after of each layer that pads."""
    return " ".join(f"{before},{after}" for before, after in outcome.amounts)


def _table(outcomes: list[Outcome]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    title = 'ResNet-50\'s first layers on a photograph, padding="half" or "same" as said'
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("padding_mode", "amounts", "output"):
        table.add_column(heading, no_wrap=True)
    table.add_column("route")
    table.add_column("off\noracle", justify="right", no_wrap=True)
    table.add_column("artefact", justify="right", no_wrap=True)
    best = min(outcome.artefact for outcome in outcomes)
    for outcome in outcomes:
        difference, artefact = f"{outcome.difference:.0e}", f"{outcome.artefact:.2f}"
        table.add_row(
            outcome.case.label,
            _amounts(outcome),
            "x".join(map(str, outcome.output_shape[1:])),
            ", ".join(dict.fromkeys(outcome.routes)),
            difference if outcome.agrees else f"[bold red]{difference}[/]",
            f"[bold green]{artefact}[/]" if outcome.artefact == best else artefact,
        )
    return table


def _report(console: Console, outcomes: list[Outcome], output: Path) -> None:
    from rich.markup import escape

    from convpad.demo.measure import TOLERANCE

    console.print(_table(outcomes))
    console.print(
        "amounts     before,after on each axis: of the 7x7 convolution, the 3x3 pool, the\n"
        "            3x3 convolution\n"
        f"off oracle  the largest difference from it / the largest output; allowed: {TOLERANCE:.0e}\n"
        "artefact    mean |output - truth|, zeros being 1; the truth is what the same\n"
        "            layers give where the photograph goes on\n",
        highlight=False,
    )
    best = min(outcomes, key=lambda outcome: outcome.artefact)
    apart = [outcome.case.label for outcome in outcomes if not outcome.agrees]
    console.print(
        f"On this photograph {best.case.label} leaves least: {best.artefact:.2f} of what zeros leave.", highlight=False
    )
    if apart:
        console.print(f"[bold red]Not equal to the oracle: {escape(', '.join(apart))}.[/]", highlight=False)
    console.print(f"Picture: {output}", markup=False, highlight=False, soft_wrap=True)
