#!/usr/bin/env bash
# clean_root.sh BUILD SUITE ROOT: the Debian packages of a build, installed by apt in a fresh Debian.
#
# Makes a minimal Debian SUITE (bookworm, trixie) in the folder ROOT with debootstrap if it is not
# there, installs the packages that cpack makes, trains the quickstart for some steps and builds and
# runs every example. BUILD must have been built on SUITE. Needs root, debootstrap and the network; not
# a part of ./test.
set -euo pipefail
build=$(readlink -f -- "$1") suite=$2 root=$3
source=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")

[ -d "$root/usr" ] || debootstrap --variant=minbase "$suite" "$root" # from Debian's own mirror
rm -rf -- "$root/soragrad"
mkdir -p -- "$root/soragrad"
cpack --config "$build/CPackConfig.cmake" -G DEB -B "$root/soragrad" >/dev/null
cp -r -- "$source/examples" "$root/soragrad"
cp -- /etc/resolv.conf "$root/etc/resolv.conf"
mount --bind /proc "$root/proc"
trap 'umount "$root/proc"' EXIT

chroot "$root" /bin/bash -euxc '
  export DEBIAN_FRONTEND=noninteractive
  apt-get -q update >/dev/null
  cd /soragrad
  apt-get -q install -y --no-install-recommends ./soragrad_*.deb >/dev/null
  soragrad --version
  soragrad train --config examples/quickstart/sora.yaml max_steps=20 overwrite=true \
    model=examples/quickstart/model data=examples/quickstart/data output=run
  apt-get -q install -y --no-install-recommends ./libsoragrad-dev_*.deb cmake ninja-build >/dev/null
  cmake -S examples -B build -G Ninja >/dev/null
  cmake --build build
  cd examples
  for example in *.cpp; do
    name=${example%.cpp}
    arguments=$(sed -n "s|^//   \$ ./$name||p" "$example")
    echo "== $name $arguments"
    ../build/$name $arguments
  done'

# SPDX-License-Identifier: Apache-2.0
