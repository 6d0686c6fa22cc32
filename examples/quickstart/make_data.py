#!/usr/bin/env python3
"""Writes the quickstart's task, in CoLA's files and format: is this sentence acceptable?

Usage: make_data.py [FOLDER]      writes FOLDER/CoLA/{train,dev,test}.tsv, default: data beside it

train and dev have no header and four columns: construction, label (1 acceptable), the mark "*" on
unacceptable sentences, sentence. test has a header, an index and the sentence. No sentence occurs
twice, and no pairing of subject and predicate of dev or test occurs in train (see grammar.py).
"""

import pathlib
import sys

from grammar import Draw, sentence

ROWS = {"train": 4000, "dev": 500, "test": 500}
ACCEPTABLE = 0.6  # so that always answering "acceptable" is a baseline to beat: CoLA has 0.7


def draw_split(d, split, seen):
    rows = []
    while len(rows) < ROWS[split]:
        acceptable = d.chance(ACCEPTABLE)
        construction, text = sentence(d, split, acceptable)
        if text not in seen:
            seen.add(text)
            rows.append((construction, acceptable, text))
    return rows


def all_splits():
    seen = set()
    return {split: draw_split(Draw(seed), split, seen) for seed, split in enumerate(ROWS)}


def main():
    here = pathlib.Path(__file__).resolve().parent
    folder = (pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "data") / "CoLA"
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in all_splits().items():
        if split == "test":
            lines = ["index\tsentence"] + [f"{i}\t{text}" for i, (_, _, text) in enumerate(rows)]
        else:
            lines = [f"{name}\t{int(ok)}\t{'' if ok else '*'}\t{text}" for name, ok, text in rows]
        (folder / f"{split}.tsv").write_bytes(("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
