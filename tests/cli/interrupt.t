#!/usr/bin/perl
# Ctrl-C, kill and a full disk: the right status, the old output as it was, no temporary file.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use Run;
use Test::More tests => 11;
use Time::HiRes 'sleep';

my $build = $ENV{BUILD} // 'build';
my $dir = tempdir(CLEANUP => 1);
my @segment = ("$build/sammed2d", qw(segment -q -w weights/default.h5 data/ct/image.nii.gz
    -o), "$dir/out.nii");
my @long = (@segment, qw(--prompts data/ct/box3d.json));
my @short = (@segment, qw(--propagate none --box), "liver=30,40,20,80,90,20");

sub leftovers { opendir my $handle, $dir or die; return sort grep { !/^\.\.?$/ } readdir $handle }
sub old_output { spew("$dir/out.nii", 'old') }

# Starts the program, sends it the signals after a while, returns its wait status.
sub interrupted_after {
    my ($seconds, @signals) = @_;
    my $child = fork // die;
    if (!$child) {
        open STDERR, '>', "/dev/null";
        exec @long;
    }
    sleep $seconds;
    kill $_, $child for @signals;
    waitpid $child, 0;
    return $?;
}

# The program is caught at work by trying later and later: not before it listens, not when it is done.
for my $signal (qw(INT TERM)) {
    my $status = -1;
    old_output();
    for (my $seconds = 0.05; $seconds < 60; $seconds *= 1.3) {
        $status = interrupted_after($seconds, $signal);
        last if $status > 127;    # else the signal killed it, or (0) it was done
        last if $status == 0;
    }
    is($status, 9 << 8, "SIG$signal: status 9");
    is(-s "$dir/out.nii", 3, 'the old output is as it was');
    is_deeply([leftovers()], ['out.nii'], 'and alone');
}

my $status = interrupted_after(0.3, 'INT', 'INT');
ok($status == 2 || $status == 9 << 8, 'two signals end it at once or soon') or diag($status);
is_deeply([leftovers()], ['out.nii'], 'and leave nothing');

# One block of 512 or 1024 bytes: too few for the label map.
system 'bash', '-c', 'ulimit -f 1; exec "$@" 2>"$0"', "/dev/null", @short;
is($?, 7 << 8, 'no room for the output: status 7');
is(-s "$dir/out.nii", 3, 'the old output is as it was');
is_deeply([leftovers()], ['out.nii'], 'and alone');
