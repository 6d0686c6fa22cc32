"""Peak memory and time of a step with and without gradient_checkpointing=true, on one machine in turn.

    gradient_checkpointing.py --model MODEL_DIR [--soragrad build/soragrad] [--length 512] [--rows 4] [--steps 3]
                              [--method sora] [--precision fp32] [--repeat 2] [--json FILE]

Makes rows of random words that fill the length, so that every step has rows * length tokens. The runs alternate. Prints the
peak memory of each kind (VmHWM of the process), that of the model alone (a run of one row of 3 tokens), the median time of
a step after the first, and both ratios; and fails unless both kinds end with the same bits. Goal for deberta-v3-large at
512 tokens: at most half the memory in at most 1.4 times the time. Makes nothing outside a temporary folder. Python's
standard library only; benchmarks/peers/make_model.py makes a model of that size.
"""
import argparse, json, pathlib, random, statistics, subprocess, tempfile

WORDS = "the cat sat on a mat while it rained and nobody came to see how quiet that house had been all year".split()


def write_rows(path, rows, words):
    """CoLA's form, four columns without a header."""
    draw = random.Random(1)
    with open(path, "w") as file:
        for i in range(rows):
            file.write(f"x\t{i % 2}\t\t{' '.join(draw.choice(WORDS) for _ in range(words))}\n")


def train(args, folder, rows_file, length, rows, checkpointing):
    command = [args.soragrad, "train", f"model={args.model}", "task=cola", f"data={folder}", f"train_file={rows_file}",
               f"validation_file={folder}/few.tsv", f"output={folder}/run", "overwrite=true", f"method={args.method}",
               f"per_device_train_batch_size={rows}", f"max_seq_length={length}", f"max_steps={args.steps}",
               f"eval_steps={args.steps}", "per_device_eval_batch_size=1", "logging_steps=1", "xi=0.4",
               f"precision={args.precision}", f"gradient_checkpointing={'true' if checkpointing else 'false'}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run = pathlib.Path(folder, "run")
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    seconds = [line["step_seconds"] for line in lines if "step_seconds" in line]
    name = "model.safetensors" if args.method == "full" else "adapter_model.safetensors"
    return {"peak_bytes": json.loads((run / "results.json").read_text())["peak_rss_bytes"], "seconds": seconds[1:],
            "losses": [line["loss"] for line in lines if "loss" in line], "bits": (run / "final" / name).read_bytes()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--soragrad", default="build/soragrad")
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--method", default="sora")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--json")
    args = parser.parse_args()
    if args.steps < 2:
        parser.error("--steps: the first one is not timed, so at least 2 are needed")
    with tempfile.TemporaryDirectory() as folder:
        write_rows(f"{folder}/rows.tsv", args.rows * args.steps, args.length)
        write_rows(f"{folder}/few.tsv", 2, 1)
        write_rows(f"{folder}/short.tsv", args.steps, 1)
        base = train(args, folder, f"{folder}/short.tsv", 3, 1, False)["peak_bytes"]
        runs = {False: [], True: []}
        for _ in range(args.repeat):
            for checkpointing in runs:
                runs[checkpointing].append(train(args, folder, f"{folder}/rows.tsv", args.length, args.rows, checkpointing))
    first = runs[False][0]
    if any(run["bits"] != first["bits"] or run["losses"] != first["losses"] for kind in runs.values() for run in kind):
        raise SystemExit("the runs differ in losses or in the bits of what they trained")
    result = {"model": args.model, "method": args.method, "precision": args.precision,
              "tokens_a_step": args.rows * args.length, "base_bytes": base}
    for checkpointing, kind in runs.items():
        name = "checkpointing" if checkpointing else "plain"
        result[name] = {"peak_bytes": max(run["peak_bytes"] for run in kind),
                        "step_seconds": statistics.median(s for run in kind for s in run["seconds"])}
        print(f"{name:14} peak {result[name]['peak_bytes'] / 2**20:8.0f} MiB, of which the model needs "
              f"{base / 2**20:.0f}; {result[name]['step_seconds']:8.3f} s a step")
    for key in ("peak_bytes", "step_seconds"):
        result[f"ratio_{key}"] = result["checkpointing"][key] / result["plain"][key]
    print(f"same bits; memory {result['ratio_peak_bytes']:.2f}, time {result['ratio_step_seconds']:.2f} of plain")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
