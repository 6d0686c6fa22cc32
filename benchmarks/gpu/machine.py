"""The machine, NVIDIA's tools and libraries on it, and the programs that are tried there."""
import collections, glob, importlib.metadata, importlib.util, os, pathlib, re, shutil, statistics, subprocess, sys, tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TESTS = ("test_core", "test_autograd", "test_models")  # whose cases for a GPU are short
PROGRAMS = ("soragrad", *TESTS, "test_train", "op_smoke", "attention_bench")
# No MPI and no NCCL: a machine with a GPU need have neither.
BUILD_OPTIONS = ("-DSORAGRAD_BENCHMARKS=ON", "-DSORAGRAD_TOGETHER=ON", "-DSORAGRAD_MPI=OFF", "-DSORAGRAD_NCCL=OFF")
# Of NVIDIA: what programs load, and what cuDNN loads for itself.
LIBRARIES = ("libcublasLt.so.*", "libcudart.so.*", "libcudnn.so.*", "libnvrtc.so.*")
PYTHONS = ("/usr/local/lib/python3*", "/usr/lib/python3*", "/opt/*/lib/python3*", "/root/*/lib/python3*",
           "/home/*/*/lib/python3*")


def wheel_folders(kind):
    """Folders `kind` ("lib", "bin") of NVIDIA's Python wheels."""
    found = importlib.util.find_spec("nvidia")
    roots = [pathlib.Path(place) for place in (found.submodule_search_locations if found else [])]
    for python in PYTHONS:  # of other Pythons than this one
        roots += [pathlib.Path(place) for place in sorted(glob.glob(f"{python}/*-packages/nvidia"))]
    return [folder for root in roots for folder in sorted(root.glob(f"*/{kind}"))]


def library_folders(names=LIBRARIES):
    """The first folder that has each library: of the toolkit, then of the wheels."""
    places = [pathlib.Path(p) for p in ("/usr/local/cuda/lib64", "/usr/local/cuda/lib")] + wheel_folders("lib")
    found = [next((place for place in places if any(place.glob(name))), None) for name in names]
    return list(dict.fromkeys(str(place) for place in found if place))


def tool(name):
    """Path of ncu, compute-sanitizer, nvcc ...; None if it is not installed."""
    places = [os.environ.get("PATH", ""), "/usr/local/cuda/bin", *map(str, wheel_folders("bin"))]
    places += [str(p) for p in sorted(pathlib.Path("/opt/nvidia").glob("nsight-compute/*"))]
    places += [str(p) for p in sorted(pathlib.Path("/usr/local/cuda").glob("compute-sanitizer"))]
    return shutil.which(name, path=os.pathsep.join(places))


def describe(session):
    """What the results depend on. Versions are read from packages' data: importing torch takes 10 s."""
    query = "name,compute_cap,driver_version,memory.total,clocks.max.sm,clocks.sm,clocks.mem"
    gpu = None if session.dry_run else session.first_line("nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader")
    session.add("machine", "gpu", gpu is not None or session.dry_run, gpu, "nvidia-smi shows no GPU")
    for name, command in (("nvcc", "nvcc"), ("compiler", "g++")):
        path = tool(command)
        done = session.run([path, "--version"], 20) if path else None
        session.add("machine", name, True, done.text.strip().splitlines()[-1 if name == "nvcc" else 0] if done else None)
    for name in ("ncu", "compute-sanitizer"):
        session.add("machine", name, True, tool(name))
    session.add("machine", "libraries", True, library_folders())
    commit = session.first_line("git", "-C", ROOT, "describe", "--always", "--dirty", "--abbrev=12")
    session.add("machine", "commit", True, commit)
    session.add("machine", "cores", True, os.cpu_count())
    session.add("machine", "python", True, sys.version.split()[0])
    for package in ("torch", "transformers", "peft"):
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            version = None
        session.add("machine", package, True, version)


class Clocks:
    """nvidia-smi beside a measurement, twice a second: clocks, power, and why clocks were held down."""
    FIELDS = ("clocks.sm", "clocks.mem", "power.draw", "temperature.gpu", "clocks_throttle_reasons.active")

    def __init__(self, session, file):
        self.file, self.process = file, None
        self.tool = None if session.dry_run else tool("nvidia-smi")

    def __enter__(self):
        if self.tool:
            command = [self.tool, f"--query-gpu={','.join(self.FIELDS)}", "--format=csv,noheader,nounits", "-lms", "500"]
            with self.file.open("w") as file:
                self.process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                pass

    def summary(self):
        """{field: [least, median, most]}, and how often each set of reasons was read; None without the tool."""
        if not self.process:
            return None
        return summary_of_clocks(self.file.read_text(), self.FIELDS)


def summary_of_clocks(text, fields):
    rows = [[word.strip() for word in line.split(",")] for line in text.splitlines()]
    rows = [row for row in rows if len(row) == len(fields)]  # not a last line that was cut off
    found = {fields[-1]: dict(collections.Counter(row[-1] for row in rows))}
    for i, field in enumerate(fields[:-1]):
        numbers = [float(row[i]) for row in rows if re.fullmatch(r"[\d.]+", row[i])]
        found[field] = [min(numbers), statistics.median(numbers), max(numbers)] if numbers else None
    return found


class Programs:
    """Where the programs are: in what benchmarks/gpu/pack made, or in a build folder."""

    def __init__(self, place, scratch):
        self.place, self.scratch, self.broken = place, scratch, set()
        self.use_folder(place)

    def use_folder(self, folder):
        self.folder, self.tokenizer = folder, folder / "tokenizer"
        self.shared = folder / "shared" if (folder / "shared").is_dir() else None
        self.environment = dict(os.environ)
        if self.shared:
            self.environment["SORAGRAD_SHARED"] = str(self.shared)
        folders = [str(folder / "lib")] + library_folders() + [os.environ.get("LD_LIBRARY_PATH", "")]
        self.environment["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, folders))

    def unpack(self):
        if self.place.is_file():
            with tarfile.open(self.place) as archive:
                archive.extractall(self.scratch)
            self.use_folder(self.scratch)

    def path(self, name):
        """Path of a program; None if it is not there, or cannot run here."""
        for folder in ("", "tests", "benchmarks"):
            path = self.folder / folder / name
            if path.is_file() and name not in self.broken:
                return path
        return None

    def options(self, **more):
        """For Session.run. Tests of a packed build look for their files from the repository's root."""
        return dict(env=self.environment | more, cwd=ROOT)

    def find_broken(self, session):
        """Programs whose libraries are not here, or are too old: the loader says so without running them."""
        for name in PROGRAMS:
            if self.path(name):
                done = session.run([self.path(name)], 20, **self.options(LD_TRACE_LOADED_OBJECTS="1"))
                lacks = [line.strip() for line in done.text.splitlines() if "not found" in line]
                if lacks or not done.ok:
                    self.broken.add(name)
                session.add("programs", name, True, "starts" if name not in self.broken else lacks or done.why())

    def faults(self, session):
        """What `soragrad` says against the GPU; empty if it can be used."""
        done = session.run([self.path("soragrad"), "--version"], 30, **self.options())
        session.add("programs", "version", True, done.text.strip())
        if done.ok and not session.dry_run:
            done = session.run([self.path("soragrad"), "doctor", "device=cuda"], 60, **self.options())
            session.add("programs", "doctor", True, done.text.strip())
        return "" if done.ok else done.text.strip() or f"it ends with {done.status}"

    def start(self, session):
        """Finds out which programs run here; builds them if that would help. What runs is run, whatever the others do."""
        self.find_broken(session)
        faults = self.faults(session) if self.path("soragrad") else "soragrad does not start"
        if not faults:
            return
        session.add("programs", "carried ones", False, faults)
        if session.dry_run:
            return
        reason = self.reason_not_to_build(session, faults)
        if reason:
            session.add("programs", "built here", False, reason)
            if self.path("soragrad"):  # and so the GPU cannot be used
                self.broken.update(PROGRAMS)
            return
        self.build(session)

    def reason_not_to_build(self, session, faults):
        if "driver is missing or too old" in faults or "no NVIDIA GPU" in faults:
            return "another build would not start either"
        if not any((ROOT / "carried").glob("*.deb")):
            return "carried/ has no packages to build with; cmake/carry downloads them"
        if not (tool("nvcc") and shutil.which("cmake") and shutil.which("ninja")):
            return "nvcc, cmake or ninja is not installed"
        return "" if session.left() > 200 else f"{session.left():.0f} s are left"

    def build(self, session):
        """Some 80 s of 16 cores. Afterwards the programs are those of the build folder."""
        folder = ROOT / "build-bare"
        capability = session.first_line("nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader") or "9.0"
        configure = ["cmake", "-S", ROOT, "-B", folder, "--preset", "bare", *BUILD_OPTIONS,
                     f"-DSORAGRAD_CUDA_ARCHITECTURES={capability.replace('.', '')}"]
        done = session.run(configure, 60, cwd=ROOT)
        if done.ok:
            done = session.run(["ninja", "-C", folder, *PROGRAMS], 240)
        session.add("programs", "built here", done.ok, round(done.seconds, 1), done.why())
        if done.ok:  # the rest of the pack stays in use
            self.folder, self.broken = folder, set()


def case_names(session, programs, program, pattern):
    """The test cases of a program whose name matches."""
    done = session.run([programs.path(program), "--list-test-cases", f"--test-case={pattern}"], 30, **programs.options())
    return [line for line in done.text.splitlines() if line and not re.match(r"\[doctest\]|=+$", line)]


def exactly(name):
    """doctest's filter for one case: commas separate filters."""
    return "--test-case=" + name.replace("\\", "\\\\").replace(",", "\\,")

# SPDX-License-Identifier: Apache-2.0
