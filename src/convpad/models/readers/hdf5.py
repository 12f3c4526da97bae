"""Reader of one attribute of an HDF5 file, without the HDF5 library.

That library runs forever on some damaged files (HDF5 1.14, in h5py 3.14), and nothing stops it. The parts read here are
the file format's chapters II.A, III.E, IV.A.1 and IV.A.2.m (https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html):
the superblock, the header of the root, and the heap in which strings of any length are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from convpad.core.errors import ModelFileError

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_CONTINUED, _ATTRIBUTE = 0x10, 0x0C
_FIXED, _OF_ANY_LENGTH = 3, 9
_MAX_BLOCKS = 1000


def root_attribute(file: BinaryIO, name: str, largest: int) -> bytes | None:
    """Return the root's string attribute of that name, of at most `largest` bytes; None where there is none."""
    return _File(file, largest).attribute(name.encode())


class _File:
    """A file, with the sizes of its addresses (`offset`) and of its lengths (`length`) in bytes."""

    def __init__(self, file: BinaryIO, largest: int) -> None:
        self.file = file
        self.largest = largest
        head = self.read(0, 48)
        if head[:8] != _SIGNATURE:
            raise ModelFileError("It must be an HDF5 file.")
        old = head[8] < 2
        self.offset, self.length = (head[13], head[14]) if old else (head[9], head[10])
        if head[8] > 3 or self.offset not in (2, 4, 8) or self.length not in (2, 4, 8):
            raise ModelFileError("It must be an HDF5 file of version 0 to 3.")
        # Of the older form: what follows are four addresses, then the root's place among names, then its header.
        start = (24 if head[8] == 0 else 28) + 5 * self.offset if old else 12 + 3 * self.offset
        self.root = _number(self.read(start, self.offset))

    def read(self, address: int, size: int) -> bytes:
        if not 0 <= size <= self.largest:
            raise ModelFileError(f"What it says of itself must be of at most {self.largest:,} bytes.")
        self.file.seek(address)
        data = self.file.read(size)
        if len(data) < size:
            raise ModelFileError("It ends too early, or is damaged.")
        return data

    def attribute(self, name: bytes) -> bytes | None:
        """Return a string attribute of the root; None where there is none of that name, or it is no string."""
        for kind, data in self._messages():
            if kind == _ATTRIBUTE:
                version, sizes = data[0], [_number(data[position : position + 2]) for position in (2, 4, 6)]
                position, parts = 9 if version == 3 else 8, list[bytes]()
                for size in sizes:
                    parts.append(data[position : position + size])
                    position += _padded(size) if version == 1 else size
                if parts[0].rstrip(b"\0") == name:
                    return self._string(parts[1], data[position:])
        return None

    def _messages(self) -> Iterator[tuple[int, bytes]]:
        """Yield (kind, data) of every message in the root's header and its continuations."""
        head = self.read(self.root, 16)
        if head[:4] == b"OHDR":
            flags, start = head[5], 6
            start += (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
            width = 1 << (flags & 3)
            size = _number(self.read(self.root + start, width))
            order, blocks = 2 if flags & 4 else 0, [(self.root + start + width, size)]
        elif head[0] == 1:
            order, blocks = -1, [(self.root + 16, _number(head[8:12]))]
        else:
            raise ModelFileError("Its root is damaged.")
        for _ in range(_MAX_BLOCKS):
            if not blocks:
                return
            for kind, data in _block(self.read(*blocks.pop(0)), order):
                if kind == _CONTINUED:
                    address = _number(data[: self.offset])
                    length = _number(data[self.offset : self.offset + self.length])
                    # The newer form frames a continuation in four letters and a checksum.
                    blocks.append((address, length) if order < 0 else (address + 4, length - 8))
                else:
                    yield kind, data
        raise ModelFileError("Its root is damaged.")

    def _string(self, kind: bytes, value: bytes) -> bytes | None:
        """Return the string of an attribute by its datatype and its data; None where the datatype is no string's."""
        group = kind[0] & 15
        if group == _FIXED:
            return value[: _number(kind[4:8])].rstrip(b"\0")
        if group != _OF_ANY_LENGTH or kind[1] & 15 != 1:
            return None
        address = _number(value[4 : 4 + self.offset])
        index = _number(value[4 + self.offset : 8 + self.offset])
        return self._heap_entry(address, index)[: _number(value[:4])]

    def _heap_entry(self, address: int, index: int) -> bytes:
        start = 8 + self.length
        head = self.read(address, start)
        if head[:4] != b"GCOL":
            raise ModelFileError("Its heap is damaged.")
        position, end = address + start, address + _number(head[8:])
        for _ in range(_MAX_BLOCKS):
            entry = self.read(position, start)
            size = _number(entry[8:])
            if _number(entry[:2]) == index:
                return self.read(position + start, size)
            position += start + _padded(size)
            if position >= end:
                break
        raise ModelFileError("Its heap is damaged.")


def _block(block: bytes, order: int) -> Iterator[tuple[int, bytes]]:
    """Yield (kind, data) of every message in a block; `order` is below 0 in the older form of headers."""
    head, position = 8 if order < 0 else 4 + order, 0
    while position + head <= len(block):
        kind, at = (_number(block[position : position + 2]), 2) if order < 0 else (block[position], 1)
        size = _number(block[position + at : position + at + 2])
        position += head
        yield kind, block[position : position + size]
        position += size


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _padded(size: int) -> int:
    """Return a size rounded up to a multiple of 8."""
    return -(-size // 8) * 8
