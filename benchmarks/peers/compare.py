"""Runs soragrad and its peers in turns on the same GLUE rows, and prints how their steps compare.

    compare.py --soragrad PROGRAM --replay PROGRAM --models DIR --glue DIR [--case cola8 ...] [--with pytorch ...]
               [--rounds 3] [--steps N] [--disturbed 0.05] [--output FILE.json]

--models is a folder with model folders of make_model.py named by their size (deberta-v3-base, ...). --replay is the built
gemm_replay, the limit: the matrix products of the step and nothing else. Rows come in file order, dropout is on, and the
head trains. A round runs every program once. A round in which other processes took more than the share --disturbed of the
machine's time is not counted. Calls for the same commit add to FILE.json, so a comparison can be made in pieces.

Peers need torch, transformers and peft beside this interpreter. Use an idle machine.
"""
import argparse, datetime, importlib.metadata, json, os, pathlib, platform, re, resource, statistics, subprocess, sys
import tempfile, time

from cases import CASES, RUNNERS, Paths


def busy_seconds():
    """CPU time of all processes, and of our finished children and ourselves."""
    user, nice, system = map(int, pathlib.Path("/proc/stat").read_text().split(maxsplit=4)[1:4])
    own = [resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
    return (user + nice + system) / os.sysconf("SC_CLK_TCK"), sum(u.ru_utime + u.ru_stime for u in own)


def measured(runner, paths, case, scratch):
    everybody, own, began = *busy_seconds(), time.monotonic()
    result = RUNNERS[runner](paths, case, scratch)
    everybody, own = (after - before for after, before in zip(busy_seconds(), (everybody, own)))
    others = max(0.0, everybody - own) / (time.monotonic() - began) / os.cpu_count()
    return result | dict(others_share=others)


def counted(result, case):
    """Milliseconds and real tokens of the steps after warming up."""
    return result["ms"][case.warm_up:], result["tokens"][case.warm_up:]


def summary(rounds, case, disturbed):
    """Of every program: medians over rounds, and soragrad's speed as a multiple of its own."""
    good = [r for r in rounds if all(x["others_share"] <= disturbed for x in r.values())]
    table = dict(rounds=len(good), disturbed_rounds=len(rounds) - len(good), programs={})
    for name in sorted({n for r in good for n in r}, key=list(RUNNERS).index):
        runs = [r for r in good if name in r]
        ms = [t for r in runs for t in counted(r[name], case)[0]]
        rate = [sum(counted(r[name], case)[1]) / sum(counted(r[name], case)[0]) * 1e3 for r in runs]
        entry = dict(median_ms=statistics.median(ms), tokens_per_second=statistics.median(rate),
                     peak_mib=max(r[name]["peak_mib"] for r in runs))
        starts = [r[name]["first_step_seconds"] for r in runs if r[name]["first_step_seconds"]]
        if starts:
            entry["first_step_seconds"] = statistics.median(starts)
        if name != "soragrad" and all("soragrad" in r for r in runs):
            def speed(run):
                ms, tokens = counted(run, case)
                return sum(tokens) / sum(ms)
            ratios = [speed(r["soragrad"]) / speed(r[name]) for r in runs]
            entry |= dict(ratio=statistics.median(ratios), ratio_range=[min(ratios), max(ratios)])
        table["programs"][name] = entry
    return table


def print_table(table):
    print(f"{table['machine']}; {table['soragrad']}; {table['versions']}")
    print(f"\n{'case':14}{'program':20}{'step ms':>9}{'tokens/s':>10}{'MiB':>7}{'start s':>9}   soragrad is")
    for name, case in table["cases"].items():
        if not case["summary"]["rounds"]:
            print(f"{name:14}every round was disturbed")
        for program, x in case["summary"]["programs"].items():
            start = f"{x['first_step_seconds']:9.2f}" if "first_step_seconds" in x else " " * 9
            ratio = ""
            if program == "replay":  # the limit: how much longer soragrad takes
                low, high = (1 / r for r in reversed(x["ratio_range"]))
                ratio = f"{1 / x['ratio']:5.2f} times its time ({low:.2f} to {high:.2f})"
            elif "ratio" in x:
                ratio = f"{x['ratio']:5.2f} times as fast ({x['ratio_range'][0]:.2f} to {x['ratio_range'][1]:.2f})"
            print(f"{name:14}{program:20}{x['median_ms']:9.1f}{x['tokens_per_second']:10.0f}{x['peak_mib']:7.0f}{start}   "
                  f"{ratio}")


def machine():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB"


def versions():
    def of(package):
        try:
            return f"{package} {importlib.metadata.version(package)}"
        except importlib.metadata.PackageNotFoundError:
            return f"no {package}"
    return ", ".join(map(of, ("torch", "transformers", "peft", "disentangled-flash")))


def write(path, table):
    text = json.dumps(table, indent=1)
    flat = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: "[" + " ".join(m[1].split()) + "]", text)  # lists on one line
    path.write_text(flat + "\n")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--soragrad", "--replay", "--models", "--glue"):
        p.add_argument(name, required=True, type=lambda text: pathlib.Path(text).resolve())
    p.add_argument("--case", nargs="+", default=["cola8"], choices=CASES)
    p.add_argument("--with", nargs="+", dest="runners", default=["pytorch", "replay"], choices=RUNNERS)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--steps", type=int, help="of each case, warm-up included")
    p.add_argument("--disturbed", type=float, default=0.05)
    p.add_argument("--output", type=pathlib.Path)
    a = p.parse_args()
    paths = Paths(a.soragrad, a.replay, a.models, a.glue)
    built = subprocess.run([a.soragrad, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")
    head = dict(machine=machine(), soragrad=" ".join(built[:2]), versions=versions())
    table = head | dict(date=datetime.date.today().isoformat(), cases={})
    if a.output and a.output.exists():
        table = json.loads(a.output.read_text())
        if any(table[key] != head[key] for key in head):
            sys.exit(f"{a.output} is of {[table[key] for key in head]}, this is {list(head.values())}; name another file.")
    if "dirty" in head["soragrad"]:
        print("warning: the program was built from a tree with changes that are not committed", file=sys.stderr)
    for name in a.case:
        case = CASES[name]
        if a.steps:
            case = case.__class__(**{**case.__dict__, "steps": a.steps})
        entry = table["cases"].setdefault(name, dict(what=case.what, rounds=[]))
        for i in range(a.rounds):
            round_results = {}
            for runner in ["soragrad", *(r for r in a.runners if r != "soragrad")]:
                print(f"{name}: round {i + 1} of {a.rounds}, {runner}", file=sys.stderr)
                with tempfile.TemporaryDirectory() as scratch:
                    result = measured(runner, paths, case, pathlib.Path(scratch))
                result["ms"] = [round(t, 2) for t in result["ms"]]
                if result["others_share"] > a.disturbed:
                    print(f"  disturbed: others took {result['others_share']:.0%} of the machine", file=sys.stderr)
                round_results[runner] = result
            entry["rounds"].append(round_results)
        entry["summary"] = summary(entry["rounds"], case, a.disturbed)
        if a.output:
            write(a.output, table)
    print_table(table)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
