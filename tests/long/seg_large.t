#!/usr/bin/perl
# 6,000 frames of 512 x 512 in under 1 GB of memory, the writer alone and the whole of `segment`; and what a
# DICOM file cannot hold is refused.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use Run;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $python = '/usr/bin/python3';
system("$python -c 'import pydicom, numpy' 2>/dev/null") == 0 or plan skip_all => 'pydicom is not installed';
plan skip_all => 'built with a sanitizer' if `nm $build/sammed2d 2>/dev/null` =~ /__asan_init/;
my $dir = tempdir(CLEANUP => 1);
my $tool = "$python tests/lib/seg_large.py";
system("$tool make $dir") == 0 or die 'seg_large.py failed';

# Exit status and memory of a command.
sub measured { return split ' ', scalar `$tool run @_` }

for my $row (['binary', '5980 frames'], ['fractional', '5980 frames'], ['labelmap', '299 frames']) {
    my ($kind, $frames) = @$row;
    my ($status, $memory) = measured("$build/tests/write_seg", "$dir/large", "$dir/out.dcm", $kind, 20);
    is($status, 0, "$kind: written");
    is(`$tool check $dir/out.dcm 20`, "$frames\n", "$kind: the frames");
    cmp_ok($memory, '<', 1000, "$kind: $memory MB");
    unlink "$dir/out.dcm";
}

my $said = `$build/tests/write_seg $dir/large $dir/out.dcm fractional 60 2>&1`;
is(status($?), 5, '17,940 fractional frames are refused');
like($said, qr/17940 frames of 512 x 512 take 4\.7 GB, and a DICOM file holds at most 4\.3 GB/, 'with an estimate');
ok(!-e "$dir/out.dcm", 'and nothing is written');

my @boxes = map { my $x = 20 * $_; "--box=organ$_=$x,100,0," . ($x + 80) . ',300,299' } 1 .. 20;
my ($status, $memory) = measured("$build/sammed2d segment -q $dir/large --fractional --propagate none -o $dir/out.dcm", @boxes);
like($status, qr/^[03]$/, 'segment: 20 objects on 300 slices');
cmp_ok($memory, '<', 1000, "segment: $memory MB");
done_testing;
