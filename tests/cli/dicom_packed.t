#!/usr/bin/perl
# Compressed multi-frame images with one or many fragments a frame and a basic, an extended or no offset
# table: every voxel as in the same image uncompressed. JPEG 2000 whose sign is not the header's.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use Run;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $python = '/usr/bin/python3';
system("$python -c 'import pydicom, gdcm' 2>/dev/null") == 0
    or plan skip_all => 'pydicom or gdcm is not installed';
my $dir = tempdir(CLEANUP => 1) . '/made';
system("$python tests/lib/make_packed.py $dir") == 0 or die 'make_packed.py failed';
my $out = tempdir(CLEANUP => 1);

sub voxels {
    my ($path) = @_;
    unlink "$out/1.raw";
    my $said = `$build/dicom_volumes -o $out $path 2>&1`;
    return (-e "$out/1.raw" ? slurp("$out/1.raw") : "nothing of $path", $said);    # which says why
}

my ($truth, $said) = voxels("$dir/truth.dcm");
is(length $truth, 5 * 33 * 47 * 2, 'the uncompressed one') or diag($said);
my @packed = grep { !/truth/ } glob "$dir/*.dcm";
is(scalar @packed, 23, 'four compressions, three tables, one fragment and more');
for my $path (@packed) {
    my ($name) = $path =~ m{([^/]+)\.dcm$};
    my ($found, $what) = voxels($path);
    ok($found eq $truth, $name) or diag($what);
}
for my $sign (qw(signed unsigned)) {
    my ($found, $what) = voxels("$dir/sign/$sign.dcm");
    ok($found eq slurp("$dir/sign/$sign.truth"), "JPEG 2000 of the other sign, $sign values") or diag($what);
}
done_testing;
