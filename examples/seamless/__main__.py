"""Command line: `python -m examples.seamless` trains the network, repads it, measures its seams, draws the picture."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

NEEDED = ("torch", "skimage", "matplotlib")
OnStep = Callable[[int, float], None]


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.seamless", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("seamless.png"), help="the PNG to write")
    parser.add_argument("--force", action="store_true", help="overwrite it")
    parser.add_argument("--steps", type=int, default=300, help="steps of training")
    parser.add_argument("--seed", type=int, default=0, help="of the training and of the noise")
    parser.add_argument("--fast", action="store_true", help="a few steps on small images: shows that it runs")
    arguments = parser.parse_args(argv)
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        parser.error(f"{' and '.join(missing)} not found; pip install torch scikit-image matplotlib")
    if arguments.output.exists() and not arguments.force:
        parser.error(f"--output: {arguments.output} exists; name another file, or overwrite it with --force")
    if not arguments.output.parent.is_dir():
        parser.error(f"--output: there is no folder {arguments.output.parent}")
    if arguments.steps < 1:
        parser.error(f"--steps must be 1 or more. Received: {arguments.steps}")
    return arguments


@contextmanager
def _progress(total: int) -> Iterator[OnStep]:
    """Show a bar on a terminal that Rich draws on, and a line for each tenth elsewhere."""
    if sys.stderr.isatty() and find_spec("rich"):
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns) as progress:
            task = progress.add_task("training", total=total)
            yield lambda step, loss: progress.update(task, advance=1, description=f"training, loss {loss:.3f}")
        return
    begin = perf_counter()

    def show(step: int, loss: float) -> None:
        if (step + 1) % max(total // 10, 1) == 0:
            sys.stderr.write(f"training: {step + 1} of {total}, loss {loss:.3f}, {perf_counter() - begin:.0f} s\n")

    yield show


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example, and return its exit status."""
    arguments = _arguments(argv)
    from examples.seamless import network
    from examples.seamless.picture import draw
    from examples.seamless.seams import make_images

    steps, size = (min(arguments.steps, 3), 48) if arguments.fast else (arguments.steps, 96)
    photograph = network.load_photograph()
    with _progress(steps) as on_step:
        model = network.train(photograph, steps=steps, size=size, seed=arguments.seed, on_step=on_step)
    images, changes = make_images(model, size=size, seed=arguments.seed)
    sys.stdout.write(f"{changes}\n\nseam: above 1 an edge shows\n")
    for image in images:
        sys.stdout.write(f"  {image.name:<34}{image.seam:5.2f}\n")
    draw(images, arguments.output)
    sys.stdout.write(f"\nPicture: {arguments.output}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
