"""Right or wrong: every kernel once by name, the suite's cases for a GPU, and bits that repeat."""
import json, pathlib, re, shutil

from machine import TESTS, case_names, exactly, tool
from session import Repeated

BLOCKING = {"CUDA_LAUNCH_BLOCKING": "1"}  # every launch is waited for, and its error has the kernel's name


def smoke(session, programs):
    """Every row of the op table on the GPU, one launch after another. A row that ends the program is named, and the rest
    runs in a new process."""
    if not programs.path("op_smoke"):
        return "op_smoke is not built"
    device, first, rows, errors, enough = "cpu" if session.dry_run else "cuda", 0, [], Repeated(), False
    while True:
        done = session.run([programs.path("op_smoke"), device, first], 60, **programs.options(**BLOCKING))
        lines = [line.split("\t") for line in done.text.splitlines() if re.match(r"\d+\t", line)]
        for number, name, *result in lines:
            found = dict(zip(("verdict", "difference", "limit"), result))
            rows.append(dict(row=name) | found)
            if found.get("verdict") != "ok":
                verdict = found.get("verdict", "the program ended")
                session.add("smoke", name, False, verdict, done.why())
                enough |= verdict != "differs" and errors.add(verdict if verdict.startswith("[") else f"error: {verdict}")
        finished = any(line.startswith("all ") for line in done.text.splitlines())
        if enough:
            session.add("smoke", "left out", False, "the rest: the same error came five times")
        if finished or enough or not lines or session.left() < 10:
            break
        first = int(lines[-1][0]) + 1
    session.add("smoke", "rows", finished, len(rows), done.why())
    ratio = lambda row: float(row.get("difference", 0)) / max(float(row.get("limit", 1)), 1e-30)
    session.add("smoke", "nearest to their limits", True, sorted(rows, key=ratio, reverse=True)[:10])


def prove(session, programs):
    """Every case for a GPU in a process of its own: an illegal access ends only that. On the CPU the cases must say
    SKIPPED."""
    count, errors = 0, Repeated()
    for program in TESTS:
        if not programs.path(program):
            session.add("proof", program, session.dry_run, "not built")
            continue
        for name in case_names(session, programs, program, "*GPU*"):
            if session.left() < 15:
                session.add("proof", name, True, "left out: no time")
                continue
            done = session.run([programs.path(program), exactly(name)], 60, **programs.options())
            skipped = "SKIPPED" in done.text
            ok = skipped if session.dry_run else done.ok and not skipped
            session.add("proof", name, ok, "skipped" if skipped else f"{done.seconds:.1f} s", done.why() | dict(program=program))
            count += 1
            if not ok and not skipped and errors.add(done.text):
                return session.add("proof", "left out", False, "the rest: the same error came five times")
    session.add("proof", "cases", count > 0, count, "no test program was found")


def trajectories(session, programs):
    """Thirty steps of every method against reference runs in double, in one case."""
    if not programs.path("test_train"):
        return "test_train is not built"
    name = "trajectory: every method repeats the reference run on a GPU"
    done = session.run([programs.path("test_train"), exactly(name)], 150, **programs.options())
    skipped = "SKIPPED" in done.text
    session.add("trajectories", name, skipped if session.dry_run else done.ok and not skipped,
                "skipped" if skipped else f"{done.seconds:.1f} s", done.why() | dict(program="test_train"))


def check_memory(session, programs):
    """What failed once more under compute-sanitizer, which names the line of a bad access."""
    sanitizer = tool("compute-sanitizer")
    failed = [(name, failure) for name, failure in session.failures.items() if name.startswith(("proof/", "smoke/"))]
    failed = [(name, f) for name, f in failed if isinstance(f, dict) and "command" in f]
    if session.dry_run or not sanitizer:
        return "no GPU" if session.dry_run else "compute-sanitizer is not installed"
    commands = {}
    for name, failure in failed:
        if name.startswith("proof/") and "program" in failure:
            commands[name] = [programs.path(failure["program"]), exactly(name.split("/", 1)[1])]
        elif name.startswith("smoke/"):
            commands["smoke"] = [programs.path("op_smoke"), "cuda", 0]
    if not commands:  # nothing failed: the kernels with the most index arithmetic
        for case in case_names(session, programs, "test_models", "attention: a GPU*"):
            commands[case] = [programs.path("test_models"), exactly(case)]
    for name, command in commands.items():
        if session.left() < 20:
            session.add("memcheck", name, True, "left out: no time")
            continue
        done = session.run([sanitizer, "--tool", "memcheck", "--error-exitcode", "9", *command], 60, **programs.options())
        session.add("memcheck", name, done.ok or done.limit is not None, done.text.strip().splitlines()[-1:], done.why())


def log_of(folder):
    """The steps of a run without the one field that may differ."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in ("step_seconds", "launches")} for line in lines]


def repeat_bits(session, programs, case):
    """A run twice, eagerly and resumed in its middle: the same losses to the last digit, and the same adapter."""
    if reason := case.missing(programs):
        return reason
    scratch = pathlib.Path(case.scratch) / "bits"
    steps = 4 if session.dry_run else 16

    def run(name, *more, **environment):
        done = session.run([*case.train(programs, scratch / name, "bf16", steps), f"save_steps={steps // 2}", "save_total_limit=0",
                            *more], 90, **programs.options(**environment))
        return done, scratch / name
    first, reference = run("first")
    if not first.ok:
        return session.add("bits", "first run", False, "failed", first.why())
    log, adapter = log_of(reference), (reference / "final/adapter_model.safetensors").read_bytes()

    def compare(name, done, folder):
        if not done.ok:
            return session.add("bits", name, False, "failed", done.why())
        same = log_of(folder) == log and (folder / "final/adapter_model.safetensors").read_bytes() == adapter
        differing = [(a, b) for a, b in zip(log, log_of(folder)) if a != b]
        session.add("bits", name, same, "equal" if same else "different", dict(steps=differing[:3]))
    compare("again", *run("again"))
    compare("eager", *run("eager", **BLOCKING))
    resumed = scratch / "resumed"
    shutil.copytree(reference, resumed)
    for folder in resumed.glob(f"checkpoints/step-{steps}"):
        shutil.rmtree(folder)
    done = session.run([programs.path("soragrad"), "train", "--resume", resumed], 90, **programs.options())
    compare("resumed", done, resumed)

# SPDX-License-Identifier: Apache-2.0
