"""Where the time of a step goes: the probe of the machine, times of each kernel, and hardware counters."""
import csv, json, re, shutil

from machine import tool


def probe(session, programs):
    """probe.cu, a program without our library: what a node costs, latencies, bandwidths, and the choices of cuBLASLt."""
    if not programs.path("probe"):
        return "no program probe; benchmarks/gpu/pack builds it"
    done = session.run([programs.path("probe"), *(["--list"] if session.dry_run else [])], 60, **programs.options())
    for line in done.text.splitlines():
        if not line.startswith("{"):
            continue
        try:
            found = json.loads(line)
        except ValueError:  # cut off where the program ended
            session.add("probe", "a line that is not whole", False, line)
            continue
        session.add("probe", found.pop("section", "?"), "error" not in found, found)
    session.add("probe", "ended", done.ok, done.status, done.why())


def per_kernel(session, programs, case, precision):
    """The table of --profile: the GPU's own times, by event pairs around each kernel. Each step begins late, so that the
    host is ahead; pairs around a short kernel still read some microseconds more than ncu, whose times count."""
    if reason := case.missing(programs):
        return reason
    folder = case.scratch / "profiled"
    command = case.train(programs, folder, precision, min(case.steps, 10))
    done = session.run([*command, "--profile", case.scratch / "profile.json"], 60, **programs.options())
    rows, section = {}, None
    for line in done.text.splitlines():
        heading = re.match(r"(op|kernel) +calls +ms", line)
        section = heading[1] if heading else section
        row = re.match(r"(.+?) +(\d+) +([\d.]+) +([\d.]+)%", line)
        if row and section and not heading:
            rows.setdefault(section, {})[row[1]] = dict(calls=int(row[2]), ms=float(row[3]), percent=float(row[4]))
    session.add("profile", f"{case.name} {precision}", done.ok and "kernel" in rows, rows, done.why())
    shutil.rmtree(folder, ignore_errors=True)


NODES = 246  # operations of a bf16 step of 12 layers (docs/cuda.md); tests/cuda_emulation/train_step_test.cpp counts them
METRICS = {"gpu__time_duration.sum": "ns", "dram__bytes.sum": "bytes",
           "sm__inst_issued.avg.pct_of_peak_sustained_active": "issue_percent"}


def counters(session, programs, case):
    """ncu on one eager step, without touching clocks and caches: time, bytes of memory and issue slots, by kernel. The
    first step has some launches more; the third is counted."""
    ncu = tool("ncu")
    if session.dry_run or not ncu:
        return "no GPU" if session.dry_run else "ncu is not installed"
    if reason := case.missing(programs):
        return reason
    command = [ncu, "--clock-control", "none", "--cache-control", "none", "--csv", "--page", "raw", "--print-units", "base",
               "--metrics", ",".join(METRICS), "--launch-skip", 2 * NODES + 68, "--launch-count", NODES + 4,
               *case.train(programs, case.scratch / "counted", "bf16", 4), "cuda_graphs=false"]
    done = session.run(command, 90, **programs.options())
    lines = [line for line in done.text.splitlines() if line.startswith('"')]
    kernels = {}
    for row in csv.DictReader(lines):
        if not (row.get("ID") or "").isdigit():
            continue  # the line of units
        entry = kernels.setdefault(re.sub(r"\(.*", "", row["Kernel Name"]), dict(launches=0, **dict.fromkeys(METRICS.values(), 0.0)))
        entry["launches"] += 1
        for metric, name in METRICS.items():
            entry[name] += float(row[metric].replace(",", ""))
    for entry in kernels.values():
        entry["issue_percent"] /= entry["launches"]  # the mean
    session.add("counters", f"{case.name} bf16", done.ok and bool(kernels), kernels, done.why())
    shutil.rmtree(case.scratch / "counted", ignore_errors=True)

# SPDX-License-Identifier: Apache-2.0
