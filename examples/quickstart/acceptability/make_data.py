#!/usr/bin/env python3
"""Writes minimal pairs of English acceptability, in CoLA's files and format.

Usage: make_data.py [FOLDER]      writes FOLDER/CoLA/{train,dev,test}.tsv, default: data beside it

No file has a header; columns: phenomenon, label (1 acceptable), the mark "*" on unacceptable
sentences, sentence. A pair's two sentences differ in one thing and follow each other in no order.
The test set has words that the training set has not (words.py), and the phenomenon HELD_OUT, which
no other set has.
"""

import pathlib
import sys

import agreement
import arguments
import binding
import dependencies
import licensing
from words import Words, write

PHENOMENA = [phenomenon for module in (agreement, binding, arguments, dependencies, licensing)
             for phenomenon in module.PHENOMENA]
HELD_OUT = agreement.attractor_relative
PAIRS = {"train": 80, "dev": 12, "test": 40}  # of each phenomenon


def pairs_of(phenomenon, words, pairs, seen):
    """Rows (name, acceptable, text): pairs whose sentences were not written before."""
    rows = []
    while len(rows) < 2 * pairs:
        good, bad = (write(tokens) for tokens in phenomenon(words))
        if good == bad or good in seen or bad in seen:
            continue
        seen.update((good, bad))
        pair = [(phenomenon.__name__, True, good), (phenomenon.__name__, False, bad)]
        rows += pair if words.chance(0.5) else pair[::-1]
    return rows


def split_rows(split, seed, seen):
    words = Words(split, seed)
    return [row for phenomenon in PHENOMENA
            if split == "test" or phenomenon is not HELD_OUT
            for row in pairs_of(phenomenon, words, PAIRS[split], seen)]


def all_splits():
    seen = set()
    return {split: split_rows(split, seed, seen) for seed, split in enumerate(PAIRS)}


def main():
    here = pathlib.Path(__file__).resolve().parent
    folder = (pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "data") / "CoLA"
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in all_splits().items():
        lines = [f"{name}\t{int(ok)}\t{'' if ok else '*'}\t{text}\n" for name, ok, text in rows]
        (folder / f"{split}.tsv").write_bytes("".join(lines).encode())


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
