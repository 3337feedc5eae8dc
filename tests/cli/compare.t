#!/usr/bin/perl
# sammed2d compare: against scipy and ../shared/tools/label_compare.py; SEG and structure sets against the label
# map of the same; errors.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use JSON::PP;
use Run;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $dir = tempdir(CLEANUP => 1);
chomp(my $python = `tests/lib/find-python scipy nibabel`);
plan skip_all => 'scipy and nibabel are not installed (python3-scipy, python3-nibabel)' unless $python;

my $checker = '../shared/tools/label_compare.py';
my @checker = -e $checker ? $checker : ();
diag("$checker is not there: compared with scipy alone") unless @checker;
for my $line (qx($python -W ignore tests/lib/compare_witness.py $build/sammed2d $dir @checker 2>&1)) {
    if ($line =~ /^(not )?ok \d+ - (.*)/) { ok(!$1, $2) }
    elsif ($line =~ /^1\.\.(\d+)/) { ok($1 > 25, 'the witness came to its end') }
    else { diag($line) }
}

sub compare {
    my ($status, $out, $err) = run("$build/sammed2d compare @_ --json");
    return ($status, $out ? decode_json($out) : {}, $err);
}
my @damaged = (
    ["$dir/absent.nii $dir/a.nii", 2, qr/absent\.nii: No such file/],
    ["tests/cli/compare.t $dir/a.nii", 2, qr/neither a label map \(NIfTI\) nor a DICOM SEG or RT structure set/],
    ["$dir/a.nii", 1, qr/name two label maps/],
    ["$dir/a.nii $dir/b.nii --tolerance-mm -1", 1, qr/millimetres from 0/],
    ["$dir/a.nii $dir/b.nii --labels 1,,2", 1, qr/numbers or names/],
    ["$dir/a.nii $dir/b.nii --csv $dir/nowhere/t.csv", 7, qr/nowhere/],
    ["$dir/cut.nii $dir/a.nii", 4, qr/cut\.nii/],
    ["$dir/a.nii $dir/four.nii", 5, qr/four\.nii: holds 2 volumes, but a label map has one; write the one/],
    ["$dir $dir/a.nii", 2, qr/neither a segmentation \(SEG\) nor an RT structure set/],
);
system("head -c 2000 $dir/a.nii > $dir/cut.nii");
system($python, '-c', 'import sys, nibabel, numpy
a = nibabel.load(sys.argv[1])
nibabel.save(nibabel.Nifti1Image(numpy.stack([numpy.asarray(a.dataobj)] * 2, 3), a.affine), sys.argv[2])', "$dir/a.nii", "$dir/four.nii");
for (@damaged) {
    my ($words, $wanted, $why) = @$_;
    my ($status, $json, $talk) = compare($words);
    is($status, $wanted, "status $wanted") or diag($talk);
    like($talk, $why, '... with a reason');
}

SKIP: {
    skip 'pydicom is not installed', 1 if system("$python -c 'import pydicom' 2>/dev/null");
    my $made = "$dir/made";
    system("$python -W ignore tests/lib/make_masks.py $made") == 0 or die 'make_masks.py failed';
    my $same = sub {
        my ($words, $name, @more) = @_;
        my ($status, $json, $talk) = compare($words);
        is($status, 0, "$name: compared") or diag($talk), return;
        ok($json->{same_grid}, '... on the same grid');
        is_deeply([map { $json->{labels}{$_}{dice} } sort keys %{$json->{labels}}], [(1) x keys %{$json->{labels}}],
            '... and the same') or diag(explain($json));
        return $json;
    };
    # The segments as label maps, by pydicom and nibabel.
    my $maps = "$python -W ignore tests/lib/seg_to_map.py";
    system("$maps $made/binary.dcm $dir/map1.nii 1") == 0 or die 'seg_to_map.py failed';
    system("$maps $made/binary.dcm $dir/map2.nii 2") == 0 or die;
    system("$maps $made/tilted.dcm $dir/tilted.nii 1") == 0 or die;
    my $json = $same->("$made/binary.dcm $made/turned3.dcm", 'SEG in two orders');
    is_deeply([map { $json->{labels}{$_}{name} } 1, 2], ["Leber \x{e4}", 'lesion'], '... names');
    ok($json->{labels}{1}{voxels_a} + $json->{labels}{2}{voxels_a} == 456, '... overlapping segments in full');
    $same->("$made/tilted.dcm $dir/tilted.nii", 'a tilted SEG and its label map');
    for my $n (1, 2) {
        my ($status, $json) = compare("$made/binary.dcm $dir/map$n.nii --labels $n");
        is($status, 0, "SEG and a label map with more slices, segment $n");
        is($json->{labels}{$n}{dice}, 1, '... are the same');
        is($json->{labels}{$n}{voxels_a}, $json->{labels}{$n}{voxels_b}, '... voxel by voxel');
    }
    ($json) = (compare("$dir/map1.nii $made/cut.dcm"))[1];
    ok($json->{same_grid} && $json->{labels}{1}{voxels_b} > 10, 'a SEG of a part lies in its place');
    my ($status, $part, $talk) = compare("$made/binary.dcm $made/fine.dcm");
    is($status, 1, 'a SEG on other voxels is refused');
    like($talk, qr/--resample/, '... with advice');
    is((compare("$made/binary.dcm $made/fine.dcm --resample"))[0], 0, '... which helps');
    ($status, $json) = compare("$made/rtstruct.dcm $made/binary.dcm");
    is($status, 0, 'a structure set comes on the other\'s grid');
    ok($json->{labels}{4}{name} eq 'ring' && $json->{labels}{4}{voxels_a} > 5, '... ROI by ROI');
    is((compare("$made/rtstruct.dcm $made/rtstruct.dcm"))[0], 1, 'two structure sets have none');
    ($status, $json, $talk) = compare("$made/uneven.dcm $made/uneven.dcm");
    is($status, 0, 'uneven slices');
    is($json->{labels}{1}{dice}, 1, '... voxel by voxel');
    like($talk, qr/not evenly spaced/, '... with a warning about distances');
    # names go before numbers
    system("$python -W ignore tests/lib/make_masks.py --names $dir/names") == 0 or die;
    ($status, $json, $talk) = compare("$dir/names/one.dcm $dir/names/other.dcm");
    is_deeply([map { "$_ $json->{labels}{$_}{name} $json->{labels}{$_}{id_b} $json->{labels}{$_}{dice}" } sort keys %{$json->{labels}}],
        ['1 liver 2 1', '2 spleen 1 1', '3 left 3 1'], 'segments are matched by name, then by number');
    like($talk, qr/number 3 is "left" in A and "right" in B/, '... and other names are said');
    mkdir "$dir/case";
    system("cp $made/series/* $made/binary.dcm $dir/case/");
    $same->("$dir/case $made/binary.dcm", 'a folder with a series and its SEG');
    system("cp $made/cut.dcm $dir/case/");
    ($status, undef, $talk) = compare("$dir/case $made/binary.dcm");
    is($status, 1, 'with two SEG one must be named');
    like($talk, qr/binary\.dcm.*cut\.dcm|cut\.dcm.*binary\.dcm/, '... of these');
}
done_testing;
