"""What is measured: steps of three sizes, ours and PyTorch's, and attention alone."""
import json, pathlib, shutil, statistics, sys

from machine import ROOT, Clocks

WARM_UP = 5        # steps: clocks rise, cuBLASLt's choices are made, torch.compile compiles
# A step of more launches was no replay, but a rehearsal, a capture or an eager step of hundreds. A replay has two graphs,
# five copies and, where a line is logged, up to four copies to the host; the rest is margin.
FEW_LAUNCHES = 14
# name: task, batch, longest sequence. rte234 has some 16k tokens a batch.
CASES = {"cola8": ("cola", 8, 128), "rte32": ("rte", 32, 320), "rte234": ("rte", 234, 320)}
# Keys of a run, besides its case's.
VARIANTS = {"bf16": ["precision=bf16"], "fp32": ["precision=fp32"],
            "bf16, no cuDNN": ["precision=bf16"], "bf16, no graphs": ["precision=bf16", "cuda_graphs=false"],
            "bf16, a line every 50 steps": ["precision=bf16", "logging_steps=50"]}
ENVIRONMENT = {"bf16, no cuDNN": {"SORAGRAD_CUDNN": "0"}}
STEPS = {"cola8": 120, "rte32": 200, "rte234": 60}  # so that most are replays
PEERS = {"eager, bf16": ["--bf16"], "eager": [], "compiled, bf16": ["--bf16", "--compile"]}
PEER_CASES = [("cola8", "eager, bf16"), ("rte32", "eager, bf16"), ("rte234", "eager, bf16"), ("cola8", "compiled, bf16"),
              ("rte32", "compiled, bf16"), ("rte234", "compiled, bf16"), ("cola8", "eager"), ("rte32", "eager")]
KEPT_RESULTS = ("peak_gpu_bytes", "reserved_gpu_bytes", "graph_gpu_bytes", "cudnn")
FOLDERS = dict(cola="CoLA", rte="RTE")


class Case:
    """The commands of one case, and what is read from their output."""

    def __init__(self, name, model, glue, scratch, dry_run):
        self.name, self.model, self.glue, self.scratch = name, model, glue, pathlib.Path(scratch)
        self.device = "cpu" if dry_run else "cuda"
        self.task, self.batch, self.length = CASES[name]
        self.steps = WARM_UP + 2 if dry_run else STEPS[name]
        if dry_run:
            self.batch = min(self.batch, 8)
        self.rows = glue / FOLDERS[self.task] / "train.tsv"

    def missing(self, programs):
        """Why the case cannot run; empty if it can."""
        if not programs.path("soragrad"):
            return "soragrad does not start"
        return "" if self.rows.is_file() else f"{self.rows} is not there"

    def train(self, programs, output, precision, steps=None):
        """A run in the folder `output`. A line is logged every step, so each step's time is a whole step's."""
        few = self.scratch / f"{self.task}_dev.tsv"  # a few rows: evaluation is not timed here
        if not few.exists():
            few.write_bytes(b"\n".join(self.rows.read_bytes().split(b"\n")[:9]) + b"\n")
        return [programs.path("soragrad"), "train", f"model={self.model}", f"task={self.task}", f"data={self.glue}",
                f"validation_file={few}", f"output={output}", "overwrite=true", "method=sora", "r=8", "shuffle=false",
                "logging_steps=1", f"device={self.device}", f"precision={precision}", f"max_steps={steps or self.steps}",
                "num_train_epochs=1000", f"per_device_train_batch_size={self.batch}", f"max_seq_length={self.length}"]

    def ours(self, session, programs, variant):
        """Times of replayed steps; those of other steps are counted apart."""
        folder = self.scratch / "run"
        with Clocks(session, self.scratch / "clocks.csv") as clocks:
            done = session.run([*self.train(programs, folder, "fp32"), *VARIANTS[variant]], 60,
                               **programs.options(**ENVIRONMENT.get(variant, {})))
        name = f"soragrad {variant}"
        if not done.ok:
            return session.add(self.name, name, False, "failed", done.why())
        log = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        results = json.loads((folder / "results.json").read_text())
        steps = [line for line in log if "step_seconds" in line]
        replays = [s for s in steps[WARM_UP:] if s.get("launches", 0) <= FEW_LAUNCHES] or steps[WARM_UP:]
        value = dict(loss=steps[-1]["loss"], steps=len(steps), mean_ms=results["seconds_per_step"] * 1e3,
                     late_ms=late_ms(steps), clocks=clocks.summary(), **{key: results.get(key) for key in KEPT_RESULTS})
        if replays and "logging_steps=50" not in VARIANTS[variant]:
            launches = [s["launches"] for s in replays if "launches" in s]
            value |= summary([s["step_seconds"] * 1e3 for s in replays], [s["tokens"] for s in replays])
            value["launches"] = statistics.median(launches) if launches else None
        session.add(self.name, name, True, value)
        shutil.rmtree(folder)

    def theirs(self, session, peer):
        steps = 2 if session.dry_run else WARM_UP + 20
        command = [sys.executable, ROOT / "benchmarks/peers/hf_train.py", self.model, self.task, self.rows, steps, "--batch",
                   self.batch, "--max-length", self.length, "--device", self.device, *PEERS[peer]]
        done = session.run(command, 240)
        name = f"PyTorch {peer}"
        if not done.ok:
            # A peer that had no time is no fault of ours.
            return session.add(self.name, name, done.limit is not None, "no time" if done.limit else "failed", done.why())
        result = json.loads(done.text.strip().splitlines()[-1])
        skip = 0 if session.dry_run else WARM_UP
        session.add(self.name, name, True, summary(result["ms"][skip:], result["tokens"][skip:]) | {"peak_mib": result.get("peak_mib")})


def late_ms(lines):
    """Mean of a step after the first line of the log, which has the first step, the rehearsals and the captures."""
    if len(lines) < 2:
        return None
    steps = [after["step"] - before["step"] for before, after in zip(lines, lines[1:])]
    return 1e3 * sum(n * line["step_seconds"] for n, line in zip(steps, lines[1:])) / sum(steps)


def summary(ms, tokens):
    return dict(median_ms=statistics.median(ms), least_ms=min(ms), tokens_per_second=sum(tokens) / sum(ms) * 1e3, counted=len(ms))


def measure(session, programs, case):
    if reason := case.missing(programs):
        return reason
    for variant in VARIANTS:
        if session.left() < 10:
            session.add(case.name, f"soragrad {variant}", True, "left out: no time")
        else:
            case.ours(session, programs, variant)


def attention(session, programs):
    """Attention alone, without projections: milliseconds by length, kind and precision."""
    if not programs.path("attention_bench"):
        return "attention_bench is not built"
    more = ["cpu", 128] if session.dry_run else ["cuda"]
    done = session.run([programs.path("attention_bench"), *more], 60, **programs.options())
    lists = [json.loads(line) for line in done.text.splitlines() if line.startswith("[{")]
    session.add("attention", "soragrad", done.ok and len(lists) == 1, lists[0] if lists else "failed", done.why())


def peers(session, cases):
    import importlib.util
    missing = [name for name in ("torch", "transformers", "peft") if not importlib.util.find_spec(name)]
    if missing:
        return f"{', '.join(missing)} is not installed"
    for name, peer in PEER_CASES[:1] if session.dry_run else PEER_CASES:
        if name not in cases:
            continue
        if session.left() < 25:
            session.add(name, f"PyTorch {peer}", True, "left out: no time")
        else:
            cases[name].theirs(session, peer)

# SPDX-License-Identifier: Apache-2.0
