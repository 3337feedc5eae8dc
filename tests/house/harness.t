#!/usr/bin/perl
# The test harness itself: what fails, crashes, hangs or speaks no TAP is counted, and nothing else is.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use Run;
use Test::More;

my $dir = tempdir(CLEANUP => 1);
my %programs = (    # what a script does => the harness's last line
    'echo 1..2; echo ok 1; echo ok 2'              => '2 passed, 0 failed',
    'echo 1..2; echo ok 1; echo not ok 2'          => '1 passed, 1 failed',
    'echo 1..2; echo ok 1; echo "ok 2 # SKIP no"'  => '1 passed, 0 failed, 1 skipped',
    'echo 1..1; echo "not ok 1 # SKIP cmocka"'     => '0 passed, 0 failed, 1 skipped',
    'echo "1..0 # SKIP not here"'                  => '0 passed, 0 failed, 1 skipped',
    'echo 1..3; echo ok 1'                         => '1 passed, 1 failed',
    'echo 1..1; echo ok 1; exit 3'                 => '1 passed, 1 failed',
    'echo 1..1; echo ok 1; kill -SEGV $$'          => '1 passed, 1 failed',
    'echo 1..1; sleep 60; echo ok 1'               => '0 passed, 1 failed',
    'echo hello'                                   => '0 passed, 1 failed',
    'true'                                         => '0 passed, 1 failed',
);
plan tests => 2 * keys %programs;

for my $script (sort keys %programs) {
    spew("$dir/a.t", "#!/bin/sh\n$script\n");
    chmod 0755, "$dir/a.t";
    my @said = qx(TEST_SECONDS=2 tests/lib/run-tests $dir/a.t 2>/dev/null);
    is($said[-1], "$programs{$script}\n", $script);
    is($? != 0, $programs{$script} !~ / 0 failed/, 'its exit status');
}
