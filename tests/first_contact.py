"""benchmarks/gpu/run_all --dry-run: all parts in their order, failures in full, and what had no time by name.

    first_contact.py SOURCE SORAGRAD SCRATCH

Stand-ins take the place of the programs that take long: a test program with a case that crashes, and an op_smoke that ends
at its second row.
"""
import json, os, pathlib, shutil, subprocess, sys

TEST_PROGRAM = """#!/bin/sh
case "$*" in
  *--list-test-cases*) printf '[doctest] listing\\n===\\nadd: a GPU, or none\\nmul: a GPU crashes\\n===\\n';;
  *crashes*) seq 1 3000; echo 'the last words'; exit 139;;
  '--test-case=add: a GPU\\, or none') echo 'MESSAGE: SKIPPED: no GPU'; exit 77;;
esac
"""
SMOKE = """#!/bin/sh
test "$2" -le 0 && printf '0\\tadd: two\\tok\\t1e-08\\t1e-06\\n'
test "$2" -le 1 && { printf '1\\tmul: three\\t[cuda] mul_kernel failed: an illegal memory access.\\n'; exit 1; }
printf '2\\texp: one\\tok\\t5e-07\\t1e-06\\nall rows have run\\n'
"""
FAULTY = """#!/bin/sh
printf "$2\\trow $2: x\\t[cuda] kernel $2 failed: an unspecified launch failure.\\n"; exit 1
"""
SLOW = "#!/bin/sh\necho begun; sleep 60\n"
PARTS = ["machine", "unpack", "probe", "programs", "model", "smoke", "proofs", "trajectories", "bits", "steps of cola8",
         "steps of rte32", "attention", "kernels of cola8 bf16", "kernels of rte32 bf16", "hardware counters", "memcheck", "peers"]


def script(path, text):
    path.write_text(text)
    path.chmod(0o755)


def run(source, programs, output, budget):
    command = [sys.executable, source / "benchmarks/gpu/run_all", "--model", source / "examples/quickstart/model", "--glue",
               source / "examples/quickstart/data", "--output", output, "--programs", programs, "--budget", str(budget), "--dry-run"]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done, json.loads(output.read_text())


def check(condition, what, done):
    if not condition:
        sys.exit(f"{what}\n{done.stdout}")


DOCTOR = """#!/bin/sh
test "$1" = --version && exit 0
echo "fault    gpu: device=cuda cannot be used: $REASON"; exit 1
"""


def check_start(scratch):
    """What a machine is told whose GPU the programs cannot use: nothing that needs it runs, and nothing is built in vain."""
    import machine, session
    for name in ("soragrad", "op_smoke"):
        (scratch / name).unlink(missing_ok=True)
        script(scratch / name, DOCTOR)
    one = session.Session(scratch / "start.json", 30, dry_run=False)
    programs = machine.Programs(scratch, scratch / "unpacked")
    programs.environment["REASON"] = "no NVIDIA GPU is visible"
    assert programs.path("op_smoke")
    programs.start(one)
    assert not programs.path("op_smoke") and not programs.path("soragrad")
    assert "no NVIDIA GPU" in one.failures["programs/carried ones"], one.failures
    assert one.failures["programs/built here"] == "another build would not start either", one.failures
    done = one.run(["sh", "-c", "echo first; sleep 60"], 1)
    assert done.limit == 1 and done.text == "first\n" and "= None after" in (scratch / "start.log").read_text()


def check_units(source):
    """What only a machine with a GPU would show."""
    sys.path.insert(0, str(source / "benchmarks/gpu"))
    import cases, machine, session
    lines = [dict(step=1, step_seconds=9), dict(step=50, step_seconds=0.002), dict(step=60, step_seconds=0.004)]
    assert abs(cases.late_ms(lines) - (49 * 2 + 10 * 4) / 59) < 1e-9 and cases.late_ms(lines[:1]) is None
    text = "1980, 2619, 500.1, 40, 0x0\n1755, 2619, 690, 41, 0x4\n1980, 26"
    clocks = machine.summary_of_clocks(text, machine.Clocks.FIELDS)
    assert clocks["clocks.sm"] == [1755, 1867.5, 1980] and clocks["clocks_throttle_reasons.active"] == {"0x0": 1, "0x4": 1}
    errors = session.Repeated(2)
    assert [errors.add(text) for text in ("row 1 failed: a", "row 1 failed: b", "row 23 failed: a")] == [False, False, True]


def main():
    source, soragrad, scratch = map(pathlib.Path, sys.argv[1:])
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    os.symlink(soragrad, scratch / "soragrad")
    script(scratch / "test_models", TEST_PROGRAM)
    script(scratch / "op_smoke", SMOKE)

    done, found = run(source, scratch, scratch / "whole.json", 600)
    status = {part["name"]: part["status"] for part in found["parts"]}
    check(list(status) == PARTS, f"parts: {list(status)}", done)
    check(done.returncode == 1, f"exit status {done.returncode}", done)
    check(found["failed"] == ["proof/mul: a GPU crashes", "smoke/mul: three"], f"failed: {found['failed']}", done)
    crash = found["failures"]["proof/mul: a GPU crashes"]
    check(crash["output"].splitlines() == [*map(str, range(1, 3001)), "the last words"], "not the whole output", done)
    check(crash["end"] == "ended with 139" and crash["program"] == "test_models", str(crash["end"]), done)
    check("the last words" in done.stdout and "mul_kernel failed" in done.stdout, "the summary lacks a failure", done)
    check(found["proof"]["add: a GPU, or none"] == "skipped", str(found["proof"]), done)
    check(found["smoke"]["rows"] == 3, "the rows after one that ends the program did not run", done)
    check(found["smoke"]["nearest to their limits"][0]["row"] == "exp: one", str(found["smoke"]), done)
    for name in ("again", "eager", "resumed"):
        check(found["bits"][name] == "equal", f"bits {name}: {found['bits'][name]}", done)
    check(found["cola8"]["soragrad bf16"]["median_ms"] > 0, str(found["cola8"]), done)
    check(found["profile"]["cola8 bf16"]["kernel"]["adamw"]["calls"] > 0, str(found["profile"]), done)
    check("SORAGRAD_CUDNN" not in os.environ and found["cola8"]["soragrad bf16, no cuDNN"]["loss"] > 0, "no cuDNN", done)
    for name in ("trajectories", "steps of rte32", "attention", "hardware counters", "memcheck"):
        check(status[name] == "left out", f"{name}: {status[name]}", done)

    script(scratch / "op_smoke", SLOW)
    done, found = run(source, scratch, scratch / "short.json", 14)
    status = {part["name"]: part["status"] for part in found["parts"]}
    check(list(status) == PARTS, f"parts: {list(status)}", done)
    smoke = found["failures"]["smoke/rows"]
    check(smoke["end"].startswith("ran longer than") and smoke["output"] == "begun\n", str(smoke), done)
    check(all(status[name] == "left out" for name in PARTS[6:]), str(status), done)
    check(found["seconds"] < 30, f"{found['seconds']} s of 14", done)
    check("begun" in (scratch / "short.log").read_text(), "the log lacks what a command wrote", done)

    # The same error in each row: five are enough. One library less: the rest runs.
    script(scratch / "op_smoke", FAULTY)
    shutil.copy("/bin/true", scratch / "test_core")
    done, found = run(source, scratch, scratch / "faulty.json", 14)
    check(len([name for name in found["failures"] if name.startswith("smoke/row ")]) == 5, str(found["smoke"]), done)
    check("five times" in found["failures"]["smoke/left out"], str(found["smoke"]), done)
    check(found["programs"]["test_core"] == "starts", str(found["programs"]), done)
    check_units(source)
    check_start(scratch)


main()

# SPDX-License-Identifier: Apache-2.0
