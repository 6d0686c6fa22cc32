"""The cases that compare.py times, and how each program runs one.

A runner takes (paths, case, scratch folder) and returns ms and real tokens of each step, peak memory of the process, and
the seconds from the start of the process to the end of its first step.
"""
import dataclasses, json, os, pathlib, subprocess, sys, time

HERE = pathlib.Path(__file__).resolve().parent
FOLDERS = dict(cola="CoLA", mrpc="MRPC", rte="RTE", sst2="SST-2")
COLUMNS = dict(cola=(3,), sst2=(0,), mrpc=(3, 4), rte=(1, 2))  # of the sentences
KEEP_MEMORY = dict(MALLOC_MMAP_MAX_="0", MALLOC_TRIM_THRESHOLD_="4294967296")  # of glibc: freed memory stays


@dataclasses.dataclass(frozen=True)
class Case:
    what: str
    task: str = "cola"
    model: str = "deberta-v3-base"  # a folder made by make_model.py
    method: str = "sora"
    batch: int = 8
    length: int = 128  # longest row in tokens
    steps: int = 11
    warm_up: int = 3  # steps that are not counted
    pad: bool = False  # PyTorch pads every row to `length`, not to the longest of its batch
    long_rows: bool = False  # rows of at least `length` tokens: the same shape for everybody
    evaluation: bool = False  # of the task's whole dev split; steps are batches
    keep_memory: bool = True  # PyTorch runs with KEEP_MEMORY, the stronger peer where memory suffices


CASES = {
    "cola8": Case("SoRA r=8, CoLA, batch 8"),
    "mrpc8": Case("SoRA r=8, MRPC, batch 8", task="mrpc"),
    "rte32": Case("SoRA r=8, RTE, batch 32, rows up to 320 tokens", task="rte", batch=32, length=320, steps=3, warm_up=1,
                  keep_memory=False),
    "cola8-padded": Case("cola8, PyTorch pads to 128", pad=True, steps=8),
    "cola8-equal": Case("SoRA r=8, 8 rows of 128 tokens, no padding", long_rows=True, steps=8),
    "roberta8": Case("LoRA r=8, RoBERTa, CoLA, batch 8", model="roberta-base", method="lora"),
    "adalora8": Case("AdaLoRA 12 to 8, CoLA, batch 8", method="adalora"),
    "full8": Case("full fine-tuning, CoLA, batch 8", method="full", steps=8),
    "large8": Case("SoRA r=8, DeBERTaV3-large, CoLA, batch 8", model="deberta-v3-large", steps=6),
    "eval64": Case("evaluation, CoLA dev, batch 64", batch=64, warm_up=0, evaluation=True),
    "startup": Case("process start to the end of the first step", steps=1, warm_up=0),
}


@dataclasses.dataclass
class Paths:
    soragrad: str
    replay: str
    models: pathlib.Path  # folders of make_model.py
    glue: pathlib.Path

    def model(self, case):
        return self.models / case.model


def run(command, env=None):
    """Standard output and peak memory in MiB of a program that must not fail."""
    process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=os.environ | (env or {}))
    out, error = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {error[-800:]}")
    peak = [line for line in error.splitlines() if line.startswith("peak_kib ")]
    return out, int(peak[-1].split()[1]) / 1024


def timed(command, env=None):
    # A parent of its own for each program, so that its children's peak is this program's.
    measure = ("import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]); print('peak_kib', "
               "resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); sys.exit(code)")
    return run([sys.executable, "-c", measure, *command], env)


def rows_file(paths, case, scratch):
    """The rows of the case, in the task's format."""
    source = paths.glue / FOLDERS[case.task] / ("dev.tsv" if case.evaluation else "train.tsv")
    if not case.long_rows:
        return source
    lines = [line.split("\t") for line in source.read_text(encoding="utf-8").splitlines()]
    rows, words = [], []
    for line in lines:
        words += line[3].split()
        if len(words) >= case.length:  # a word is at least a token
            rows.append("\t".join(["x", "1", "", " ".join(words)]))
            words = []
    target = scratch / "long.tsv"
    target.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return target


def soragrad(paths, case, scratch, precision="fp32"):
    return (evaluate if case.evaluation else train)(paths, case, scratch, precision)


def train(paths, case, scratch, precision):
    rows, run_folder, few = rows_file(paths, case, scratch), scratch / f"run-{time.monotonic_ns()}", scratch / "few.tsv"
    few.write_bytes(b"\n".join(rows.read_bytes().split(b"\n")[:9]) + b"\n")  # evaluation is not timed here
    _, peak = timed([paths.soragrad, "train", f"model={paths.model(case)}", f"task={case.task}", f"data={paths.glue}",
                     f"train_file={rows}", f"validation_file={few}", f"output={run_folder}", f"method={case.method}", "r=8",
                     f"precision={precision}", "shuffle=false", "logging_steps=1", f"max_steps={case.steps}",
                     f"per_device_train_batch_size={case.batch}", f"max_seq_length={case.length}"])
    log = [json.loads(line) for line in (run_folder / "metrics.jsonl").read_text().splitlines()]
    steps = [e for e in log if "step_seconds" in e]
    results = json.loads((run_folder / "results.json").read_text())
    subprocess.run(["rm", "-r", run_folder], check=True)
    return dict(ms=[e["step_seconds"] * 1e3 for e in steps], tokens=[e["tokens"] for e in steps], peak_mib=peak,
                first_step_seconds=results["first_step_seconds"])


def evaluate(paths, case, scratch, precision):
    profile = scratch / "profile.json"
    _, peak = timed([paths.soragrad, "eval", "--model", paths.model(case), "--task", case.task, "--data", paths.glue,
                     "--batch-size", case.batch, "--max-length", case.length, "--profile", profile,
                     *([] if precision == "fp32" else ["--precision", precision])])
    batches = [e["dur"] / 1e3 for e in json.loads(profile.read_text())["traceEvents"] if e["name"] == "evaluation"]
    tokens = [sum(lengths) for lengths in batch_lengths(paths, case, scratch)]
    return dict(ms=batches, tokens=tokens, peak_mib=peak, first_step_seconds=None)


def pytorch(paths, case, scratch, *flags):
    more = ["--evaluation"] if case.evaluation else []
    more += ["--pad-to-max"] if case.pad else []
    out, peak = timed([sys.executable, HERE / "hf_train.py", paths.model(case), case.task, rows_file(paths, case, scratch),
                       case.steps, "--batch", case.batch, "--max-length", case.length, "--method", case.method, *more, *flags],
                      KEEP_MEMORY if case.keep_memory else None)
    return json.loads(out.splitlines()[-1]) | dict(peak_mib=peak)


def batch_lengths(paths, case, scratch):
    """Tokens of every row of every step, by soragrad's tokenizer; an evaluation takes the longest rows first."""
    lines = rows_file(paths, case, scratch).read_text(encoding="utf-8").split("\n")
    rows = [line.split("\t") for line in lines[0 if case.task == "cola" else 1:] if line]
    columns = COLUMNS[case.task]
    texts = ["\t".join(row[c] for c in columns) for row in rows if len(row) > max(columns)]
    if not case.evaluation:
        texts = texts[:case.batch * case.steps]
    out = subprocess.run([paths.soragrad, "tokenize", "--model", paths.model(case), "--max-length", str(case.length)],
                         input="\n".join(texts) + "\n", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                         check=True).stdout
    lengths = [len(line.split()) for line in out.splitlines()]
    if case.evaluation:
        lengths.sort(reverse=True)
    return [lengths[i:i + case.batch] for i in range(0, len(lengths), case.batch)]


def replay(paths, case, scratch):
    """The same steps' matrix products alone, from C++."""
    config = json.loads((paths.model(case) / "config.json").read_text())
    batches = batch_lengths(paths, case, scratch)[case.warm_up:]
    work = "forward" if case.evaluation else "full" if case.method == "full" else "adapter"
    table = "positions" if config.get("relative_attention") else "-"
    rank = 0 if case.evaluation or case.method == "full" else 12 if case.method == "adalora" else 8
    out, peak = timed([paths.replay, config["num_hidden_layers"], config["hidden_size"], rank, table, work,
                       *(",".join(map(str, lengths)) for lengths in batches)])
    steps = [json.loads(line) for line in out.splitlines()]
    skipped = [0.0] * case.warm_up
    return dict(ms=skipped + [s["ms"] for s in steps], tokens=skipped + [sum(lengths) for lengths in batches],
                peak_mib=peak, first_step_seconds=None)


RUNNERS = {
    "soragrad": soragrad,
    "soragrad-bf16": lambda *at: soragrad(*at, precision="bf16"),
    "pytorch": pytorch,
    "pytorch-bf16": lambda *at: pytorch(*at, "--bf16"),
    "pytorch-compile": lambda *at: pytorch(*at, "--compile"),
    "disentangled-flash": lambda *at: pytorch(*at, "--disentangled-flash"),
    "replay": replay,
}

# SPDX-License-Identifier: Apache-2.0
