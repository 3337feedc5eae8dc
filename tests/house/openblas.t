#!/usr/bin/perl
# Every OpenBLAS build that is installed (Debian has an openmp, a pthread and a serial one) gives the
# golden values; which one is linked at run time is the machine's choice.
use strict;
use warnings;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my @folders = grep { -e "$_/libopenblas.so.0" } glob '/usr/lib/*/openblas-*';
plan skip_all => 'fewer than two OpenBLAS builds are installed' if @folders < 2;
plan tests => 2 * @folders;

for my $folder (@folders) {
    my ($kind) = $folder =~ /openblas-(\w+)$/;
    $kind = 'sequential' if $kind eq 'serial';    # as OpenBLAS itself calls it
    local $ENV{LD_LIBRARY_PATH} = $folder;
    like(scalar qx($build/sammed2d --version), qr/OpenBLAS [\d.]+ \(\Q$kind\E\b/,
        "$kind is the one in use");
    my $said = qx($build/check_golden --dir tests/golden/set 2>&1);
    is($?, 0, "$kind: golden values") or diag(substr $said, -2000);
}
