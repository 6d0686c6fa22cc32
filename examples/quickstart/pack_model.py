#!/usr/bin/env python3
"""Packs a pre-trained model to ship: the encoder alone, in bf16, with its tokenizer.

Usage: pack_model.py FINAL FOLDER      FINAL: final/ of `soragrad pretrain`; needs numpy

Heads of pre-training are left out. Values are rounded to the nearest bf16, ties to even.
"""

import json
import pathlib
import shutil
import struct
import sys

import numpy

TOKENIZER = ("spm.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
             "vocab.txt", "vocab.json", "merges.txt")
ENCODERS = ("deberta.", "roberta.", "bert.")
DELTA = "deberta.embeddings.word_embeddings._weight"  # summed into the table already


def read_floats(path):
    """name -> (shape, float32 values) of a safetensors file of F32 tensors."""
    data = path.read_bytes()
    size, = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name == "__metadata__":
            continue
        if entry["dtype"] != "F32":
            sys.exit(f"pack_model.py: {path}: {name} is {entry['dtype']}; expected F32.")
        begin, end = (8 + size + at for at in entry["data_offsets"])
        tensors[name] = (entry["shape"], numpy.frombuffer(data[begin:end], "<f4"))
    return tensors


def to_bf16(values):
    bits = values.view("<u4").astype("u8")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def write_bf16(path, tensors):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, (shape, values) in tensors.items():
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + 2 * values.size]}
        at += 2 * values.size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    parts = [struct.pack("<Q", len(text)), text]
    parts += [to_bf16(values).tobytes() for _, values in tensors.values()]
    path.write_bytes(b"".join(parts))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, folder = map(pathlib.Path, sys.argv[1:])
    tensors = {name: tensor for name, tensor in sorted(read_floats(source / "model.safetensors").items())
               if name.startswith(ENCODERS) and name != DELTA}
    folder.mkdir(parents=True, exist_ok=True)
    write_bf16(folder / "model.safetensors", tensors)
    config = json.loads((source / "config.json").read_text())
    config["torch_dtype"] = "bfloat16"
    config["architectures"] = [name.replace("ForMaskedLM", "Model") for name in config["architectures"]]
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    for name in TOKENIZER:
        if (source / name).exists():
            shutil.copy(source / name, folder / name)
    weights = sum(values.size for _, values in tensors.values())
    print(f"{folder}: {weights} weights, {(folder / 'model.safetensors').stat().st_size} bytes")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
