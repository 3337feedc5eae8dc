#!/usr/bin/perl
# The same study stored in all 48 axis orders and directions, with the same prompts in LPS mm, gives the
# same mask in world space, voxel for voxel. --plane and --orient are left at their defaults.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use SmallNifti;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $dir = tempdir(CLEANUP => 1);

# Base grid, and its affine to RAS mm: anisotropic, turned about two axes. All numbers have few bits, so
# that moving the origin to another corner is exact in the header's float32.
my @dim = (19, 16, 6);
my @base = ([1.25, -0.375, 0.5, -20.5], [0.5, 1.125, -0.75, 10.25], [-0.125, 0.5, 3.25, 7.75]);

# An ellipsoid and a bar on a ramp, with a hash for noise: nothing in it is symmetric.
sub value {
    my ($i, $j, $k) = @_;
    my $value = 100 + 3 * $i + 2 * $j + (($i * 7919 + $j * 104729 + $k * 1299709) % 37);
    $value += 300 if (($i - 8) / 5)**2 + (($j - 7) / 4)**2 + (($k - 2.5) / 2.6)**2 < 1;
    $value += 200 if $i > 13 && $j > 9 && $j < 13;
    return $value;
}

sub to_lps {
    my @ijk = @_;
    my @ras = map { my $r = $_; $r->[3] + $r->[0] * $ijk[0] + $r->[1] * $ijk[1] + $r->[2] * $ijk[2] } @base;
    return (-$ras[0], -$ras[1], $ras[2]);
}
sub text { return join ',', map { sprintf '%.6g', $_ } @_ }

# One point that propagates, one point of an object on another slice with an excluded one, and a box
# (bounds of its turned corners) around the bar.
my @prompts = ('--space', 'lps', '--point', 'blob=' . text(to_lps(8, 7, 2)),
    '--box', 'bar=' . text(to_lps(14, 10, 3), to_lps(17, 12, 4)),
    '--point', 'low=' . text(to_lps(4, 3, 5)), '--exclude', 'low=' . text(to_lps(12, 12, 5)));

# axis a of the file runs along axis $order->[a] of the base, backwards where $back->[a].
sub store {
    my ($path, $order, $back) = @_;
    my @size = map { $dim[$_] } @$order;
    my @rows;
    for my $r (0 .. 2) {
        my @row = map { $base[$r][$order->[$_]] * ($back->[$_] ? -1 : 1) } 0 .. 2;
        my $origin = $base[$r][3];
        $origin += $base[$r][$order->[$_]] * ($size[$_] - 1) for grep { $back->[$_] } 0 .. 2;
        push @rows, [@row, $origin];
    }
    my @voxels;
    each_voxel(\@size, $order, $back, sub { push @voxels, value(@_) });
    write_nifti($path, \@size, \@rows, \@voxels);
    return \@size;
}

# Calls with base indices, in the file's order.
sub each_voxel {
    my ($size, $order, $back, $call) = @_;
    for my $z (0 .. $size->[2] - 1) {
        for my $y (0 .. $size->[1] - 1) {
            for my $x (0 .. $size->[0] - 1) {
                my @stored = ($x, $y, $z);
                my @ijk;
                $ijk[$order->[$_]] = $back->[$_] ? $size->[$_] - 1 - $stored[$_] : $stored[$_] for 0 .. 2;
                $call->(@ijk);
            }
        }
    }
}

# The mask in base order, as one string.
sub mask_of {
    my ($order, $back) = @_;
    my $size = store("$dir/in.nii", $order, $back);
    system("$build/sammed2d", 'segment', '-q', '-w', 'weights/default.h5', "$dir/in.nii", '-o', "$dir/out.nii", @prompts);
    return "status $?" if $?;
    my @labels = read_labels("$dir/out.nii");
    my @mask;
    each_voxel($size, $order, $back, sub { $mask[$_[0] + $dim[0] * ($_[1] + $dim[1] * $_[2])] = shift @labels });
    return join '', @mask;
}

my $expected = mask_of([0, 1, 2], [0, 0, 0]);
die $expected if $expected =~ /status/;
my %count;
$count{$_}++ for split //, $expected;
plan tests => 4 + 47;
ok($count{$_}, "object $_ is there") for 1 .. 3;
isnt(join(',', map { substr($expected, $_ * $dim[0] * $dim[1], $dim[0] * $dim[1]) =~ tr/1// ? 1 : 0 } 0 .. 5),
    '0,0,1,0,0,0', 'the point was carried to other slices');
for my $order ([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]) {
    for my $bits (0 .. 7) {
        my @back = map { $bits >> $_ & 1 } 0 .. 2;
        next if "@$order $bits" eq '0 1 2 0';
        ok(mask_of($order, \@back) eq $expected, "axes @$order, reversed @back");
    }
}
