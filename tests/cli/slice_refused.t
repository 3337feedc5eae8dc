#!/usr/bin/perl
# sammed2d slice where an earlier run was, and what it ends with where a case is not whole.
use strict;
use warnings;
use File::Temp 'tempdir';
use Test::More;

my $program = ($ENV{BUILD} // 'build') . '/sammed2d';
my $dir = tempdir(CLEANUP => 1);

sub slice { my $said = `$program slice @_ --threads 1 2>&1`; return ($? >> 8, $said) }

# ---- a run that came to nothing ----
my $image = 'data/ct/image.nii.gz';
my ($status, $said) = slice("$image -o $dir/a --slices 900-950/2");
is($status, 2, 'no such slices');
like($said, qr/no slice was chosen/, '... is said');
($status, $said) = slice("$image -o $dir/a --slices 2-10/4");
is($status, 0, '... and is nothing to go on with') or diag $said;
is(scalar(() = glob "$dir/a/*.png"), 3, '... the pictures are there');
for (['', 'all'], ['--slices 5-/2', '"5-/2"'], ['--slices 3', '"3-3/1"']) {
    my ($options, $name) = @$_;
    ($status, $said) = slice("$image -o $dir/a $options");
    is($status, 1, "other slices: $name");
    like($said, qr/another "slices" \("2-10\/4"\) than this run \(\Q$name\E\)/, '... are named as one gives them');
}
($status, $said) = slice("--data data/ct -o $dir/a");
is($status, 1, 'plain pictures are in the way of a data set too');

done_testing;
