#!/usr/bin/perl
# A study as DICOM and as dcm2niix's NIfTI of it, with the same prompts in LPS mm: the same mask in the world.
# Not with a gantry tilt or gaps: dcm2niix writes neither where it is.
use strict;
use warnings;
use File::Temp 'tempdir';
use JSON::PP;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $python = '/usr/bin/python3';
system("$python -c 'import pydicom, nibabel' 2>/dev/null") == 0
    or plan skip_all => 'pydicom or nibabel is not installed';
`sh -c 'command -v dcm2niix'` or plan skip_all => 'dcm2niix is not installed';
my $dir = tempdir(CLEANUP => 1);
system("$python tests/lib/same_world.py make $dir") == 0 or die 'same_world.py failed';

# The world position of a fraction of the way along each axis of the first volume.
sub place {
    my ($volume, @part) = @_;
    my @ijk = map { $part[$_] * ($volume->{dim}[$_] - 1) } 0 .. 2;
    return map { my $row = $volume->{affine_lps}[$_]; $row->[3] + $row->[0] * $ijk[0] + $row->[1] * $ijk[1] + $row->[2] * $ijk[2] } 0 .. 2;
}

sub text { return join ',', map { sprintf '%.3f', $_ } @_ }

sub same {
    my ($series, $plane, $options, $what) = @_;
    my $name = (split m{/}, $series)[-1] . ", $what";
    my $work = tempdir(CLEANUP => 1);
    system("dcm2niix -z n -f v -o $work $series > $work/said 2>&1");
    my @images = grep { !/_Tilt|_Eq/ } glob "$work/*.nii";
    return fail("$name: dcm2niix made @images") unless @images == 1;
    for ([$series, 'd'], [$images[0], 'n']) {
        system("$build/sammed2d segment -q --space lps --plane $plane $options -o $work/$_->[1].nii.gz $_->[0] 2> $work/err")
            and diag(`cat $work/err`);
    }
    is(`$python tests/lib/same_world.py $work/d.nii.gz $work/n.nii.gz`, "same\n", $name);
}

sub case {
    my ($series, $plane) = @_;
    my $volume = decode_json(scalar `$build/sammed2d info -q --json $series`)->{volumes}[0];
    my @box = (place($volume, 0.3, 0.25, 0.4), place($volume, 0.62, 0.61, 0.77));
    my @point = place($volume, 0.48, 0.43, 0.52);
    my $box = '--box=a=' . text(@box);
    my $point = '--point=b=' . text(@point);
    same($series, $plane, $box, 'a box');
    same($series, $plane, "$box $point --propagate both", 'a point carried on') # a click may come to nothing, a box does not
        if index($series, '..') != 0; # the real ones take minutes
}

case("$dir/axial", 'axial');
case("$dir/axial", 'auto');
case("$dir/sagittal", 'sagittal');
case("$dir/sagittal", 'axial');
case("$dir/coronal_oblique", 'coronal');
case("$dir/axial_oblique", 'auto'); # pixels of 1.25 by 0.8 mm
my $real = '../shared/data/dicom';
SKIP: {
    -d $real or skip '../shared is not there', 3;
    case("$real/ct_body_j2k", 'auto');
    case("$real/mr_sagittal_decubitus", 'sagittal');
    case("$real/mr_philips_coronal", 'coronal');
}
done_testing;
