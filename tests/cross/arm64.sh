#!/bin/sh
# Builds everything for aarch64 on another machine, below build/arm64, and runs the tests of the kernels, of weights
# files and the small golden set in qemu; of other names (test_nifti ...) those. Not part of `make check`: slow, and the first time
# it takes 70 MB of Debian's arm64 packages, which are unpacked beside the build; nothing foreign is installed.
# Needs gcc-aarch64-linux-gnu, g++-aarch64-linux-gnu and qemu-user-static.
set -e
top=${BUILD:-build}/arm64
mkdir -p "$top/apt/archives/partial" "$top/apt/lists/partial"
top=$(cd "$top" && pwd)
root=$top/root
libs=$root/usr/lib/aarch64-linux-gnu
compiler=$(aarch64-linux-gnu-gcc -dumpversion | cut -d. -f1)

# apt that knows arm64 alone, with nothing installed yet: so it finds everything down to the C library.
apt() {
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root -o Dir::State::status="$top/apt/status" \
        -o Dir::State::lists="$top/apt/lists" -o Dir::Cache="$top/apt" "$@"
}

unpack() {
    packages=$(make -s --eval 'packages: ; @echo $(filter lib% zlib%,$(DEB_BUILD) $(DEB_TEST))' packages)
    : >"$top/apt/status"
    apt update
    apt install -y --download-only --no-install-recommends libc6-dev "libstdc++-$compiler-dev" $packages
    for package in "$top"/apt/archives/*.deb; do
        dpkg -x "$package" "$root"
    done
}

# What installing would have done: links that stay below the root, and Debian's choice among alternatives.
settle() {
    find "$root" -type l | while read -r link; do
        target=$(readlink "$link")
        case $target in /*) ln -sfn "$root$target" "$link" ;; esac
    done
    ln -sfn hdf5-serial.pc "$libs/pkgconfig/hdf5.pc"
    for library in "$libs"/openblas-openmp/lib*.so*; do
        ln -sfn "openblas-openmp/${library##*/}" "$libs/${library##*/}"
    done
}

[ -e "$top/unpacked" ] || { unpack && settle && touch "$top/unpacked"; }

[ $# -gt 0 ] || set -- $(for file in tests/unit/test_nn_*.c tests/unit/test_model_*.c; do basename "$file" .c; done)
programs=$(for test; do echo "$top/tests/unit/$test"; done)
PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$libs/pkgconfig:$libs/openblas-openmp/pkgconfig \
    make -s -j"$(nproc)" BUILD="$top" CC="aarch64-linux-gnu-gcc --sysroot=$root" CXX="aarch64-linux-gnu-g++ --sysroot=$root" \
    AR=aarch64-linux-gnu-ar CPPFLAGS="-I$root/usr/include/nifti" all "$top/check_golden" $programs

qemu="qemu-aarch64-static -L $root"
$qemu "$top/sammed2d" --version
for test; do
    echo "== $test"
    $qemu "$top/tests/unit/$test"
done
echo "== check_golden"
$qemu "$top/check_golden" --dir tests/golden/set | tail -n 1
