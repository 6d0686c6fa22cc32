"""The clock, the commands and the one file of results of a run_all session."""
import json, os, pathlib, signal, subprocess, sys, time

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


class Session:
    """Runs parts while the budget lasts. Writes what is known after each of them."""

    def __init__(self, output, budget, dry_run):
        self.output, self.budget, self.dry_run = pathlib.Path(output), budget, dry_run
        self.log = self.output.with_suffix(".log")
        self.log.write_text("")
        self.began = time.monotonic()
        self.data = dict(budget_seconds=budget, dry_run=dry_run, parts=[])
        self.failures = {}

    def elapsed(self):
        return time.monotonic() - self.began

    def left(self):
        return self.budget - self.elapsed()

    def run(self, command, seconds, **options):
        """Runs a command for at most that long, and no longer than the budget lasts."""
        command = [str(word) for word in command]
        limit = max(1.0, min(seconds, self.left()))
        began = time.monotonic()
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                       stdin=subprocess.DEVNULL, start_new_session=True, **options)
        except OSError as error:
            return self._logged(Done(command, None, str(error), 0.0))
        try:
            text, _ = process.communicate(timeout=limit)
            done = Done(command, process.returncode, text, time.monotonic() - began)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # of this command's own group
            text, _ = process.communicate()
            done = Done(command, None, text, time.monotonic() - began, limit)
        return self._logged(done)

    def _logged(self, done):
        with self.log.open("a") as log:
            log.write(f"+ {' '.join(done.command)}\n{done.text}\n= {done.status} after {done.seconds:.1f} s\n")
        return done

    def first_line(self, *command):
        done = self.run(command, 20)
        return done.text.strip().splitlines()[0] if done.ok and done.text.strip() else None

    def add(self, section, name, ok, value, failure=None):
        """A result. If it is not ok, `failure` (why() of a command, or a text) is kept whole."""
        self.data.setdefault(section, {})[name] = value
        if not ok:
            self.failures[f"{section}/{name}"] = failure if failure is not None else value
        self.write()

    def part(self, name, least, work):
        """Runs work() if at least that many seconds are left; otherwise says that it is left out."""
        entry = dict(name=name, began=round(self.elapsed(), 1))
        self.data["parts"].append(entry)
        failed = set(self.failures)
        if self.left() < least:
            self.leave_out(entry, f"{self.left():.0f} s are left; it needs {least}")
        else:
            print(f"{self.elapsed():6.1f} s  {name}", file=sys.stderr, flush=True)
            try:
                left_out = work()
            except Exception as error:  # an error of one part must not lose the others
                import traceback
                left_out = None
                self.failures[f"{name}/error"] = f"{error!r}\n{traceback.format_exc()}"
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
