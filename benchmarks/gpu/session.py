"""The clock, the commands and the one file of results of a run_all session."""
import json, os, pathlib, re, signal, subprocess, sys, time

KEPT = 200_000  # characters of a failing command's output; more loses its middle


class Done:
    """How a command ended: its exit status (None: it ran out of time or could not start) and all that it printed."""

    def __init__(self, command, status, text, seconds, limit=None):
        self.command, self.status, self.text, self.seconds, self.limit = command, status, text, seconds, limit
        self.ok = status == 0

    def why(self):
        """Why it failed, and everything it printed."""
        end = f"ran longer than {self.limit:.0f} s" if self.limit else f"ended with {self.status}"
        text = self.text
        if len(text) > KEPT:
            text = f"{text[:KEPT // 2]}\n... {len(text) - KEPT} characters ...\n{text[-KEPT // 2:]}"
        return dict(command=" ".join(map(str, self.command)), end=end, output=text)


class Repeated:
    """Counts equal errors: after `most` of them the rest of a part would say the same."""

    def __init__(self, most=5):
        self.most, self.counts = most, {}

    def add(self, text):
        """True once this error, whatever numbers are in it, has come so often."""
        lines = [line for line in text.splitlines() if re.search(r"fail|error|cannot|terminate", line, re.IGNORECASE)]
        cause = re.sub(r"[\d.]+", "#", lines[0].strip()) if lines else ""
        self.counts[cause] = self.counts.get(cause, 0) + 1
        return self.counts[cause] >= self.most


class Session:
    """Runs parts while the budget lasts. Writes what is known after each of them."""

    def __init__(self, output, budget, dry_run):
        self.output, self.budget, self.dry_run = pathlib.Path(output), budget, dry_run
        self.log = self.output.with_suffix(".log")
        self.log.write_text("")
        self.began = time.monotonic()
        self.part_end = budget  # seconds from the start
        self.data = dict(budget_seconds=budget, dry_run=dry_run, parts=[])
        self.failures = {}

    def elapsed(self):
        return time.monotonic() - self.began

    def left(self):
        """Seconds of the budget, or of the part that runs."""
        return min(self.budget, self.part_end) - self.elapsed()

    def run(self, command, seconds, **options):
        """Runs a command for at most that long, and no longer than the budget lasts."""
        command = [str(word) for word in command]
        limit = max(1.0, min(seconds, self.left()))
        began = time.monotonic()
        with self.log.open("ab") as log:  # the command writes it as it goes: nothing is lost with this program
            log.write(f"+ {' '.join(command)}\n".encode())
            log.flush()
            begin = log.tell()
            try:
                process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                           start_new_session=True, **options)
            except OSError as error:
                status, late, text = None, None, str(error)
            else:
                status, late = self._end_of(process, limit)
                text = self._logged_from(begin)
            done = Done(command, status, text, time.monotonic() - began, limit if late else None)
            log.write(f"\n= {done.status} after {done.seconds:.1f} s\n".encode())
        return done

    def _end_of(self, process, limit):
        """The exit status, and whether the command had to be killed. One that the kernel holds is left behind."""
        try:
            return process.wait(timeout=limit), False
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # of this command's own group
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.add("left behind", str(process.pid), False, "does not end after SIGKILL")
        return None, True

    def _logged_from(self, begin):
        with self.log.open("rb") as log:
            log.seek(begin)
            return log.read().decode(errors="replace")

    def first_line(self, *command):
        done = self.run(command, 20)
        return done.text.strip().splitlines()[0] if done.ok and done.text.strip() else None

    def add(self, section, name, ok, value, failure=None):
        """A result. If it is not ok, `failure` (why() of a command, or a text) is kept whole."""
        self.data.setdefault(section, {})[name] = value
        if not ok:
            self.failures[f"{section}/{name}"] = failure if failure is not None else value
        self.write()

    def part(self, name, least, work, most=None):
        """Runs work() if at least that many seconds are left, for at most so many; otherwise says that it is left out."""
        entry = dict(name=name, began=round(self.elapsed(), 1))
        self.data["parts"].append(entry)
        failed = set(self.failures)
        if self.left() < least:
            self.leave_out(entry, f"{self.left():.0f} s are left; it needs {least}")
        else:
            print(f"{self.elapsed():6.1f} s  {name}", file=sys.stderr, flush=True)
            self.part_end = self.elapsed() + most if most else self.budget
            try:
                left_out = work()
            except Exception as error:  # an error of one part must not lose the others
                import traceback
                left_out = None
                self.failures[f"{name}/error"] = f"{error!r}\n{traceback.format_exc()}"
            self.part_end = self.budget
            if left_out:
                self.leave_out(entry, left_out)
            else:
                entry["status"] = "failed" if set(self.failures) - failed else "done"
        entry["seconds"] = round(max(0, self.elapsed() - entry["began"]), 1)
        self.write()

    def leave_out(self, entry, why):
        entry["status"], entry["why"] = "left out", why
        print(f"{self.elapsed():6.1f} s  {entry['name']} is left out: {why}", file=sys.stderr, flush=True)

    def write(self):
        """The file is whole at any moment: a machine may be taken away."""
        whole = self.data | dict(seconds=round(self.elapsed(), 1), failed=sorted(self.failures), failures=self.failures)
        scratch = self.output.with_suffix(".part")
        scratch.write_text(json.dumps(whole, indent=1) + "\n")
        scratch.replace(self.output)

    def summary(self):
        """What a reader of the end of the output needs: each part, then every failure in full."""
        lines = []
        for entry in self.data["parts"]:
            why = f": {entry['why']}" if "why" in entry else ""
            lines.append(f"{entry['began']:7.1f} s {entry['seconds']:7.1f} s  {entry['status']:8}  {entry['name']}{why}")
        for name, failure in self.failures.items():
            lines.append(f"\nFAILED {name}")
            lines += [f"{key}: {value}" for key, value in failure.items()] if isinstance(failure, dict) else [str(failure)]
        return "\n".join(lines)

# SPDX-License-Identifier: Apache-2.0
