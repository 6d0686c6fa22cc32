"""Tokenizer speed: soragrad against Hugging Face's fast and slow tokenizers, interleaved.

    python benchmarks/peers/tokenizer.py --soragrad build/soragrad --model MODEL_FOLDER --text FILE

Prints lines per CPU second (one core's work, load time excluded) and the ratios, and checks on the
way that the ids are the same. Needs transformers, tokenizers and sentencepiece; FILE is plain text,
a sentence or paragraph a line.
"""

import argparse
import os
import resource
import statistics
import subprocess
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"

from transformers import AutoTokenizer  # noqa: E402  (the variable above must be set first)


def child_cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_soragrad(command, data):
    before = child_cpu_seconds()
    output = subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout
    return child_cpu_seconds() - before, output


def run_hugging_face(tokenizer, lines):
    before = time.process_time()
    ids = tokenizer(lines)["input_ids"]
    return time.process_time() - before, ids


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--soragrad", default="build/soragrad", help="the program")
    parser.add_argument("--model", required=True, help="model folder (config.json, tokenizer files)")
    parser.add_argument("--text", required=True)
    parser.add_argument("--lines", type=int, default=20000)
    parser.add_argument("--slow-lines", type=int, default=2000, help="lines for the slow tokenizer")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    with open(arguments.text, "rb") as file:
        lines = file.read().decode("utf-8", "replace").split("\n")[: arguments.lines]
    lines = [line.replace("\t", " ") for line in lines]  # a TAB would make a pair
    data = "".join(line + "\n" for line in lines).encode()

    fast = AutoTokenizer.from_pretrained(arguments.model, use_fast=True)
    peers = {"fast": (fast, lines)}
    modes = ["fast"]
    if type(fast).__name__.startswith("Deberta"):
        slow = AutoTokenizer.from_pretrained(arguments.model, use_fast=False)
        peers["slow"] = (slow, lines[: arguments.slow_lines])
        modes.append("slow")

    rates = {}
    for round_number in range(arguments.rounds):
        for mode in modes:
            command = [arguments.soragrad, "tokenize", "--model", arguments.model, "--mode", mode]
            load, _ = run_soragrad(command, b"")
            seconds, output = run_soragrad(command, data)
            rates.setdefault(f"soragrad {mode}", []).append(len(lines) / (seconds - load))
            rates.setdefault(f"load, soragrad {mode}", []).append(load)

            tokenizer, sample = peers[mode]
            seconds, ids = run_hugging_face(tokenizer, sample)
            rates.setdefault(f"hugging face {mode}", []).append(len(sample) / seconds)
            if round_number == 0:
                ours = [[int(i) for i in line.split()] for line in output.decode().splitlines()]
                different = sum(a != b for a, b in zip(ours, ids))
                print(f"{mode}: {different} of {len(sample)} lines differ")

    for mode in modes:
        ours = statistics.median(rates[f"soragrad {mode}"])
        theirs = statistics.median(rates[f"hugging face {mode}"])
        load = statistics.median(rates[f"load, soragrad {mode}"])
        print(f"{mode}: soragrad {ours:,.0f} lines/CPU s, Hugging Face {theirs:,.0f}, "
              f"ratio {ours / theirs:.1f}; soragrad loads in {load:.3f} s")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
