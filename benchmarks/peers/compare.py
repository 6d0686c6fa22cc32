"""Runs soragrad and PyTorch + transformers on the same rows, in turns, and prints median step times and their ratio.

    compare.py --soragrad PROGRAM --model DIR --glue DIR [--case cola8 ...] [--rounds 3] [--steps 12] [--output FILE.json]

Both read the task's training rows in file order, with dropout, SoRA r=8 on all six Linears and a trained head. The first
three steps of each process are left out.
Needs torch and transformers beside this interpreter; run it on an idle machine.
"""
import argparse, json, os, pathlib, platform, statistics, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent
WARM_UP = 3
FOLDERS = dict(cola="CoLA", mrpc="MRPC", rte="RTE", stsb="STS-B")
CASES = {"cola8": ("cola", 8, 128, []), "mrpc8": ("mrpc", 8, 128, []), "rte32": ("rte", 32, 320, []),
         "cola8-padded": ("cola", 8, 128, ["--pad-to-max"])}


def soragrad(program, model, glue, case, steps):
    task, batch, length, _ = CASES[case]
    with tempfile.TemporaryDirectory() as tmp:
        train = pathlib.Path(glue) / FOLDERS[task] / "train.tsv"
        few = pathlib.Path(tmp) / "dev.tsv"  # a few rows: evaluation is not timed here
        lines = train.read_bytes().split(b"\n")
        few.write_bytes(b"\n".join(lines[:9]) + b"\n")
        run = pathlib.Path(tmp) / "run"
        subprocess.run([program, "train", f"model={model}", f"task={task}", f"data={glue}", f"validation_file={few}",
                        f"output={run}", "method=sora", "r=8", "shuffle=false", "logging_steps=1", f"max_steps={steps}",
                        f"per_device_train_batch_size={batch}", f"max_seq_length={length}"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        log = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        results = json.loads((run / "results.json").read_text())
    steps = [e for e in log if "step_seconds" in e]
    return dict(ms=[e["step_seconds"] * 1e3 for e in steps], tokens=[e["tokens"] for e in steps],
                peak_mib=results["peak_rss_bytes"] / 2**20, first_step_seconds=results["first_step_seconds"])


def pytorch(model, glue, case, steps):
    task, batch, length, flags = CASES[case]
    # glibc told to keep freed memory: the stronger peer at small batches.
    env = os.environ | dict(MALLOC_MMAP_MAX_="0", MALLOC_TRIM_THRESHOLD_="4294967296")
    out = subprocess.run([sys.executable, HERE / "hf_train.py", model, task, f"{glue}/{FOLDERS[task]}/train.tsv", str(steps),
                          "--batch", str(batch), "--max-length", str(length), *flags], check=True, env=env,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return json.loads(out.splitlines()[-1])


def summary(runs):
    ms = [t for r in runs for t in r["ms"][WARM_UP:]]
    tokens = sum(n for r in runs for n in r["tokens"][WARM_UP:])
    return dict(median_ms=statistics.median(ms), tokens_per_second=tokens / sum(ms) * 1e3,
                peak_mib=max(r["peak_mib"] for r in runs), first_step_seconds=min(r["first_step_seconds"] for r in runs))


def cpu_name():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--soragrad", required=True), p.add_argument("--model", required=True), p.add_argument("--glue", required=True)
    p.add_argument("--case", nargs="+", default=["cola8"], choices=CASES)
    p.add_argument("--rounds", type=int, default=3), p.add_argument("--steps", type=int, default=12)
    p.add_argument("--output", type=pathlib.Path)
    a = p.parse_args()
    version = subprocess.run([a.soragrad, "--version"], stdout=subprocess.PIPE, text=True).stdout.split("\n")
    table = dict(machine=f"{cpu_name()}, {os.cpu_count()} cores", soragrad=" ".join(version[:2]), cases={})
    for case in a.case:
        ours, theirs = [], []
        for i in range(a.rounds):
            print(f"{case}: round {i + 1} of {a.rounds}", file=sys.stderr)
            ours.append(soragrad(a.soragrad, a.model, a.glue, case, a.steps))
            theirs.append(pytorch(a.model, a.glue, case, a.steps))
        ratios = [statistics.median(t["ms"][WARM_UP:]) / statistics.median(o["ms"][WARM_UP:]) for o, t in zip(ours, theirs)]
        table["cases"][case] = dict(soragrad=summary(ours), pytorch=summary(theirs), ratio=statistics.median(ratios),
                                    ratio_range=[min(ratios), max(ratios)])
        table["peer"] = f"torch {theirs[0]['torch']}, transformers {theirs[0]['transformers']}"
    print(f"{table['machine']}; {table['soragrad']}; {table['peer']}\n")
    print(f"{'case':14}{'soragrad ms':>13}{'tokens/s':>10}{'MiB':>7}{'PyTorch ms':>12}{'tokens/s':>10}{'MiB':>7}{'ratio':>7}  range")
    for case, c in table["cases"].items():
        cells = [f"{c[k]['median_ms']:{w}.0f}{c[k]['tokens_per_second']:10.0f}{c[k]['peak_mib']:7.0f}"
                 for k, w in (("soragrad", 13), ("pytorch", 12))]
        print(f"{case:14}{cells[0]}{cells[1]}{c['ratio']:7.2f}  {c['ratio_range'][0]:.2f} to {c['ratio_range'][1]:.2f}")
    if a.output:
        a.output.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
