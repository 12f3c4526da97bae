"""Reader of one attribute of an HDF5 file, without the HDF5 library.

That library runs forever on some damaged files (HDF5 1.14, in h5py 3.14), and nothing stops it. The parts read here are
the file format's chapters II.A, III.E, IV.A.1 and IV.A.2.m (https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html):
the superblock, the header of the root, and the heap in which strings of any length are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from convpad.core.errors import ModelFileError

__all__ = ["root_attribute"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_CONTINUED, _ATTRIBUTE = 0x10, 0x0C
_FIXED, _OF_ANY_LENGTH = 3, 9
_MAX_BLOCKS = 1000


def root_attribute(file: BinaryIO, name: str, largest: int) -> bytes | None:
    """Return a string attribute of the root of a file; None where there is none of that name.

    Args:
        file: open for reading.
        name: of the attribute.
        largest: the limit of the string's length, in bytes.

    Raises:
        ModelFileError: it is no HDF5 file, it is damaged, or the string is longer.
    """
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
        self.root = self.number(self.read(start, self.offset))

    def read(self, address: int, size: int) -> bytes:
        if not 0 <= size <= self.largest:
            raise ModelFileError(f"What it says of itself must be of at most {self.largest:,} bytes.")
        self.file.seek(address)
        data = self.file.read(size)
        if len(data) < size:
            raise ModelFileError("It ends too early, or is damaged.")
        return data

    @staticmethod
    def number(data: bytes) -> int:
        return int.from_bytes(data, "little")

    def attribute(self, name: bytes) -> bytes | None:
        for kind, data in self._messages():
            if kind == _ATTRIBUTE:
                is_named, value = self._attribute_value(data, name)
                if is_named:
                    return value
        return None

    def _messages(self) -> Iterator[tuple[int, bytes]]:
        """Yield (kind, data) of every message in the root's header and its continuations."""
        head = self.read(self.root, 16)
        if head[:4] == b"OHDR":
            flags, start = head[5], 6
            start += (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
            width = 1 << (flags & 3)
            size = self.number(self.read(self.root + start, width))
            order, blocks = 2 if flags & 4 else 0, [(self.root + start + width, size)]
        elif head[0] == 1:
            order, blocks = -1, [(self.root + 16, self.number(head[8:12]))]
        else:
            raise ModelFileError("Its root is damaged.")
        for _ in range(_MAX_BLOCKS):
            if not blocks:
                return
            address, size = blocks.pop(0)
            for kind, data in self._block(self.read(address, size), order):
                if kind == _CONTINUED:
                    address = self.number(data[: self.offset])
                    length = self.number(data[self.offset : self.offset + self.length])
                    # The newer form frames a continuation in four letters and a checksum.
                    blocks.append((address, length) if order < 0 else (address + 4, length - 8))
                else:
                    yield kind, data
        raise ModelFileError("Its root is damaged.")

    def _block(self, block: bytes, order: int) -> Iterator[tuple[int, bytes]]:
        head, place = (8, 0) if order < 0 else (4 + order, 0)
        while place + head <= len(block):
            kind, at = (self.number(block[place : place + 2]), 2) if order < 0 else (block[place], 1)
            size = self.number(block[place + at : place + at + 2])
            place += head
            yield kind, block[place : place + size]
            place += size

    def _attribute_value(self, data: bytes, wanted: bytes) -> tuple[bool, bytes | None]:
        """Return whether a message is the attribute of that name, and its string."""
        version = data[0]
        sizes = [self.number(data[place : place + 2]) for place in (2, 4, 6)]
        place, parts = 9 if version == 3 else 8, list[bytes]()
        for size in sizes:
            parts.append(data[place : place + size])
            place += -(-size // 8) * 8 if version == 1 else size
        name, kind, _ = parts
        if name.rstrip(b"\0") != wanted:
            return False, None
        group, value = kind[0] & 15, data[place:]
        if group == _FIXED:
            return True, value[: self.number(kind[4:8])].rstrip(b"\0")
        if group != _OF_ANY_LENGTH or kind[1] & 15 != 1:
            return True, None
        address = self.number(value[4 : 4 + self.offset])
        index = self.number(value[4 + self.offset : 8 + self.offset])
        return True, self._heap_entry(address, index)[: self.number(value[:4])]

    def _heap_entry(self, address: int, index: int) -> bytes:
        """Return an entry of a heap."""
        head = self.read(address, 8 + self.length)
        if head[:4] != b"GCOL":
            raise ModelFileError("Its heap is damaged.")
        place, end = address + 8 + self.length, address + self.number(head[8:])
        for _ in range(_MAX_BLOCKS):
            entry = self.read(place, 8 + self.length)
            size = self.number(entry[8:])
            if self.number(entry[:2]) == index:
                return self.read(place + 8 + self.length, size)
            place += 8 + self.length + -(-size // 8) * 8
            if place >= end:
                break
        raise ModelFileError("Its heap is damaged.")
