# What ./run, ./test and .ci/run share; they source it with $root set to the repository.
# Progress goes to stderr, one line a step; output of tools goes to a log shown only on failure.

build=${SORAGRAD_BUILD_DIR:-$root/build}
export LC_ALL=C.UTF-8

say() { printf '%s\n' "soragrad: $*" >&2; }

# logged LOG COMMAND...: runs it quietly; on failure shows the end of the log and gives up.
logged() {
  local log=$1
  shift
  mkdir -p -- "$(dirname -- "$log")"
  if ! "$@" >"$log" 2>&1 </dev/null; then
    tail -n 60 -- "$log" >&2
    say "failed: $*"
    say "the whole output is in $log"
    exit 1
  fi
}

missing_packages() {
  local package
  for package in $(grep -v '^#' "$root/cmake/packages.txt"); do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
      echo "$package"
  done
}

# Installs the packages of cmake/packages.txt that are missing; needs no network where none is.
install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "no Debian system: expecting the libraries of cmake/packages.txt to be installed"
    return
  fi
  local missing as_root=()
  read -r -d '' -a missing <<<"$(missing_packages)" || true  # read stops at the end of the text
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      say "packages are missing and neither root nor sudo is at hand. As root, run:"
      say "  apt-get update && apt-get install ${missing[*]}"
      exit 1
    fi
    as_root=(sudo)
    [ -t 0 ] || as_root=(sudo -n)  # nobody is there to type a password
  fi
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0)
  logged "$build/log/apt-update.txt" "${apt[@]}" update
  logged "$build/log/apt-install.txt" "${apt[@]}" install -y --no-install-recommends "${missing[@]}"
}

# One compiler for each core, but no more than memory has room for at 1.5 GB each.
job_count() {
  local cores kib
  cores=$(nproc)
  kib=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo 2>/dev/null)
  local room=$((${kib:-0} / 1500000))
  [ "${kib:-0}" -eq 0 ] && room=$cores
  [ "$room" -lt 1 ] && room=1
  echo $((room < cores ? room : cores))
}

have_nvcc() { PATH=$PATH:/usr/local/cuda/bin command -v nvcc >/dev/null; }

# ON where both the CUDA compiler and a driver are there: elsewhere only the CPU side is built.
cuda() { if have_nvcc && [ -e /proc/driver/nvidia/version ]; then echo ON; else echo OFF; fi; }

# build_targets FOLDER "CMAKE OPTIONS" [TARGET...]: configures where needed, then builds.
build_targets() {
  local folder=$1 options=$2
  shift 2
  if [ ! -f "$folder/build.ninja" ] || [ "$(cat "$folder/options.txt" 2>/dev/null)" != "$options" ]
  then
    say "configuring $folder"
    # shellcheck disable=SC2086  # options are words
    logged "$folder/log/configure.txt" cmake -S "$root" -B "$folder" $options
    printf '%s\n' "$options" >"$folder/options.txt"
  fi
  say "building; the output goes to $folder/log/build.txt"
  logged "$folder/log/build.txt" ninja -C "$folder" -j "$(job_count)" "$@"
}

# Sources together (cmake/Layers.cmake): mostly this builds from nothing.
build_release() {
  build_targets "$build" "--preset release -DSORAGRAD_TOGETHER=ON -DSORAGRAD_CUDA=$(cuda)" "$@"
}

# run_tests FOLDER [CTEST ARGS...]: ctest's own output; where cases were skipped also why, and
# ctest's closing line once more. Returns ctest's status.
run_tests() {
  local folder=$1 status=0
  shift
  ctest --test-dir "$folder" --output-on-failure -j "$(job_count)" --no-tests=error "$@" </dev/null |
    tee "$folder/log/test.txt" || status=$?
  local log=$folder/Testing/Temporary/LastTest.log
  if grep -q 'SKIPPED: [^]]' "$log" 2>/dev/null; then  # ctest prints the text it looks for in []
    echo "Skipped, and why:"
    grep -o 'SKIPPED: [^]].*' "$log" | sort | uniq -c
    grep 'tests passed' "$folder/log/test.txt" || true
  fi
  return $status
}

# SPDX-License-Identifier: Apache-2.0
