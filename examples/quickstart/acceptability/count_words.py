#!/usr/bin/env python3
"""Writes lexicon.tsv's counts: how often the forms of each word occur in real text.

Usage: count_words.py TEXT...        files, plain or .xz

A word's count is that of all its forms together, in lower case. The words, their classes and forms
stay as they are.
"""

import collections
import lzma
import pathlib
import re
import sys

LEXICON = pathlib.Path(__file__).resolve().parent / "lexicon.tsv"
WORD = re.compile(r"[a-z]+")


def lines_of(path):
    opened = lzma.open if path.endswith(".xz") else open
    with opened(path, "rt", encoding="utf-8", errors="replace") as file:
        yield from file


def main():
    found = collections.Counter()
    for path in sys.argv[1:]:
        for line in lines_of(path):
            found.update(WORD.findall(line.lower()))
    if not found:
        sys.exit("count_words.py: no text; name the files to count in.")
    rows = [line.split("\t") for line in LEXICON.read_text().splitlines()]
    for row in rows[1:]:
        row[3] = str(sum(found[form] for form in set(row[1].split())))
    LEXICON.write_text("".join("\t".join(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
