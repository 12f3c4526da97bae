"""`convpad fold`: the model of a file without padding layers, in another file."""

from __future__ import annotations

import convpad
from convpad.cli.options import Force, Json, ModelIn, ModelOut
from convpad.cli.output import say_written, show


def fold(model: ModelIn, out: ModelOut, force: Force = False, json: Json = False) -> None:
    """Fold padding layers into the convolutions and pools that follow.

    The output stays as it is. Prints which layer was folded into which, and
    which were left alone and why. Loading the new model needs
    `import convpad.keras`. No code is run from the file.

    Runs on KERAS_BACKEND, or on JAX where that is not set.

    Example: convpad fold resnet.keras folded.keras

    Exit status: 0 fine, 2 the model cannot be read or written.
    """
    from convpad.cli.models import rewrite

    changes = rewrite(model, out, lambda model, report: convpad.fold(model, report=report), force=force)
    show(changes, json=json)
    say_written(out, f"{model.name} after {changes.summary}", json=json)
