#!/usr/bin/perl
# The example, built on the public headers and the shared library, does what the program does.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use Run;
use Test::More tests => 5;

my $build = $ENV{BUILD} // 'build';
my $dir = tempdir(CLEANUP => 1);
my ($image, $weights, $box) = ('data/mr/image.nii.gz', 'weights/default.h5', 'tumour=60,14,55,90,20,80');

my $said = qx($build/segment_box $image $weights $box $dir/a.nii.gz 2>&1);
is($?, 0, 'the example segments a box');
like($said, qr{^\Q$dir\E/a\.nii\.gz: (?!0\.00)\d+\.\d\d ml$}m, 'and finds something in it');
my $program = qx($build/sammed2d segment -q -w $weights $image --box $box -o $dir/b.nii.gz 2>&1);
is($?, 0, 'the program does the same') or diag($program);
my ($one, $other) = map { scalar qx(gzip -dc $dir/$_.nii.gz) } 'a', 'b';
ok($one ne '' && $one eq $other, 'with the same result');
qx($build/segment_box $image $weights tumour=1,2 $dir/c.nii.gz 2>&1);
is(status($?), 1, 'a malformed box is a usage error');
