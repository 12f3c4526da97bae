"""Refusals in the words of the command line: options in the place of Python's arguments."""

from __future__ import annotations

import re
from collections.abc import Collection

OPTIONS = {
    "backend": "--backend",
    "ceil_mode": "--ceil",
    "dilation_rate": "--dilation",
    "framework": "--framework",
    "input_shape": "--input-shape",
    "input_shape_a": "--input-shape-first",
    "input_shape_b": "--input-shape-second",
    "kernel_shape": "--kernel",
    "kernel_size": "--kernel",
    "op": "--op",
    "output_padding": "--output-padding",
    "padding": "--padding",
    "padding_mode": "--mode",
    "padding_modes": "--mode",
    "rank": "--rank",
    "rounding": "--rounding",
    "seconds": "--seconds",
    "strides": "--stride",
    "where": "--where",
}
"""The option for each argument of the functions that commands call."""

_OF_COMMANDS = {
    "bench": {"input_shape": "SIZE"},
    "compare": {"input_shape": "--input-shape-first or --input-shape-second"},
    "explain": {"input_size": "SIZE"},
    "solve": {"input_size": "INPUT", "output_size": "OUTPUT"},
}
"""Where a command has another word for an argument."""

_PHRASES = {
    ", a number, Constant(...) or Learned(...)": " or a number",
    "a list of padding modes, as in ['reflect', 'circular']": "a mode, once or several times",
}
"""Phrases on objects that a command line has not."""


def in_options(message: str, command: str, spellings: Collection[str]) -> str:
    """Return a message with the options of a command in the place of the arguments between its backticks.

    A message on a row of a table stays: its words are the headings. So does a word without an option.

    Args:
        spellings: the options of the command.
    """
    if "of the table: " in message:
        return message
    options = {argument: option for argument, option in OPTIONS.items() if option in spellings}
    options |= _OF_COMMANDS.get(command, {})

    def option(argument: re.Match[str]) -> str:
        return options.get(argument[0], argument[0])

    message = re.sub(r"`[a-z_, ]+`", lambda quoted: re.sub(r"\w+", option, quoted[0]), message)
    for phrase, other in _PHRASES.items():
        message = message.replace(phrase, other)
    return message
