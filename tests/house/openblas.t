#!/usr/bin/perl
# Every OpenBLAS build that is installed (Debian has an openmp, a pthread and a serial one) gives the
# golden values and the same segmentation, and brings no second set of threads to work beside ours; which
# one is linked at run time is the machine's choice.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use Run;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my @folders = grep { -e "$_/libopenblas.so.0" } glob '/usr/lib/*/openblas-*';
plan skip_all => 'fewer than two OpenBLAS builds are installed' if @folders < 2;
plan tests => 5 * @folders;
my $dir = tempdir(CLEANUP => 1);

# Runs the program; its status, and in what share of moments more than so many threads wanted a processor. Not the most ever seen: libgomp ends
# a thread whenever a team is smaller than the one before, and on a busy machine it may wait for its end beside its successor.
sub share_beyond {
    my ($limit, @words) = @_;
    my ($moments, $beyond, $child) = (0, 0, fork // die);
    exec @words or die if !$child;
    while (waitpid($child, 1) == 0) {    # WNOHANG
        my @states = map { (eval { slurp($_) } // '') =~ /\) (\w)/ ? $1 : () } glob "/proc/$child/task/*/stat";    # of threads that have not ended
        my $running = grep { $_ eq 'R' } @states;
        $moments++;
        $beyond++ if $running > $limit;
        select undef, undef, undef, 0.002;
    }
    return (status($?), $beyond / ($moments || 1));
}

my $first;

for my $folder (@folders) {
    my ($kind) = $folder =~ /openblas-(\w+)$/;
    $kind = 'sequential' if $kind eq 'serial';    # as OpenBLAS itself calls it
    local $ENV{LD_LIBRARY_PATH} = $folder;
    like(scalar qx($build/sammed2d --version), qr/OpenBLAS [\d.]+ \(\Q$kind\E\b/,
        "$kind is the one in use");
    my $said = qx($build/check_golden --dir tests/golden/set 2>&1);
    is($?, 0, "$kind: golden values") or diag(substr $said, -2000);
    my ($status, $share) = share_beyond(3, "$build/sammed2d", 'segment', 'data/ct/image.nii.gz', '--prompts', 'data/ct/middle.json',
        '--threads', 3, '-o', "$dir/$kind.nii", '--stats', "$dir/$kind.csv");
    is($status, 0, "$kind: segments");
    cmp_ok($share, '<', 0.1, "$kind: no second set of threads at work beside those that were asked for");
    my $result = slurp("$dir/$kind.nii") . slurp("$dir/$kind.csv");
    $first //= $result if $kind ne 'sequential';
    ok(length $result && ($kind eq 'sequential' || $result eq $first), "$kind: the same label map and figures");
}
