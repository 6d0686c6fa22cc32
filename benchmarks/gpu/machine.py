"""The machine, NVIDIA's tools and libraries on it, and the programs that are tried there."""
import importlib.metadata, importlib.util, os, pathlib, re, shutil, sys, tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TESTS = ("test_core", "test_autograd", "test_models", "test_train")
PROGRAMS = ("soragrad", *TESTS, "op_smoke", "attention_bench")


def wheel_folders(kind):
    """Folders `kind` ("lib", "bin") of NVIDIA's Python wheels."""
    found = importlib.util.find_spec("nvidia")
    roots = [pathlib.Path(place) for place in (found.submodule_search_locations if found else [])]
    return [folder for root in roots for folder in sorted(root.glob(f"*/{kind}"))]


def library_folders(names=("libcublasLt.so.*", "libcudart.so.*")):
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


class Programs:
    """Where the programs are: in what benchmarks/gpu/pack made, or in a build folder."""

    def __init__(self, place, scratch):
        if place.is_file():
            with tarfile.open(place) as archive:
                archive.extractall(scratch)
            place = scratch
        self.folder = place
        shared = self.folder / "shared"
        self.shared = shared if shared.is_dir() else None
        self.environment = dict(os.environ)
        if self.shared:
            self.environment["SORAGRAD_SHARED"] = str(self.shared)
        folders = [str(self.folder / "lib")] + library_folders() + [os.environ.get("LD_LIBRARY_PATH", "")]
        self.environment["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, folders))

    def path(self, name):
        """Path of a program; None if it is not there."""
        for folder in ("", "tests", "benchmarks"):
            path = self.folder / folder / name
            if path.is_file():
                return path
        return None

    def options(self, **more):
        """For Session.run. Tests of a packed build look for their files from the repository's root."""
        return dict(env=self.environment | more, cwd=ROOT)

    def start(self, session):
        """Whether the program starts here; builds it here if it does not."""
        done = session.run([self.path("soragrad") or self.folder / "soragrad", "--version"], 30, **self.options())
        session.add("programs", "version", True, done.text.strip())
        if done.ok or session.dry_run:
            return done
        session.add("programs", "carried ones", False, "do not start", done.why())
        return self.build(session)

    def build(self, session):
        """Some 80 s of 16 cores. Afterwards the programs are those of the build folder."""
        carried = any((ROOT / "carried").glob("*.deb"))
        folder = ROOT / ("build-bare" if carried else "build-cuda")
        capability = session.first_line("nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader") or "9.0"
        configure = ["cmake", "-S", ROOT, "-B", folder, "--preset", "bare" if carried else "cuda",
                     f"-DSORAGRAD_CUDA_ARCHITECTURES={capability.replace('.', '')}", "-DSORAGRAD_BENCHMARKS=ON"]
        done = session.run(configure, 60, cwd=ROOT)
        if done.ok:
            done = session.run(["ninja", "-C", folder, *PROGRAMS], 240)
        session.add("programs", "built here", done.ok, round(done.seconds, 1), done.why())
        self.folder = folder
        return done


def case_names(session, programs, program, pattern):
    """The test cases of a program whose name matches."""
    done = session.run([programs.path(program), "--list-test-cases", f"--test-case={pattern}"], 30, **programs.options())
    return [line for line in done.text.splitlines() if line and not re.match(r"\[doctest\]|=+$", line)]


def exactly(name):
    """doctest's filter for one case: commas separate filters."""
    return "--test-case=" + name.replace("\\", "\\\\").replace(",", "\\,")

# SPDX-License-Identifier: Apache-2.0
