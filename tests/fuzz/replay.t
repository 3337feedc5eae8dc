#!/usr/bin/perl
# Every fuzz target takes its whole corpus without crashing.
use strict;
use warnings;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my @names = map { m{fuzz_(\w+)\.c$} } sort glob 'tests/fuzz/fuzz_*.c';
plan skip_all => 'there are no fuzz targets' unless @names;
plan tests => scalar @names;

for my $name (@names) {
    my $said = qx($build/fuzz/replay_$name tests/fuzz/corpus/$name 2>&1);
    ok($? == 0, "$name takes its corpus") or diag(substr $said, -4000);
}
