#!/usr/bin/perl
# Made PACS exports of several seeds: every volume's voxels have the manifest's hash, and segmented with
# the manifest's prompts gives a SEG of each kind that seg_check.py (dciodvfy within) passes.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use JSON::PP;
use Run;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $python = '/usr/bin/python3';
my $tools = '../shared/tools';
-d $tools or plan skip_all => '../shared is not there';
system("$python -c 'import pydicom, nibabel, scipy' 2>/dev/null") == 0
    or plan skip_all => 'pydicom, nibabel or scipy is not installed';

# The phases of a series are volumes of one UID: their numbers in `info`, in order.
sub numbers {
    my ($volumes, $uid) = @_;
    return map { $_->{number} } grep { $_->{uid} eq $uid } @$volumes;
}

# Segments are numbered without gaps, labels are not: "segment:label,...".
sub pairs {
    my ($seg, $sidecar) = @_;
    my %ids = map { $_->{name} => $_->{id} } @{read_json($sidecar)->{labels}};
    my @labels = split /\n/, `$python -c "
import pydicom, sys
for s in pydicom.dcmread(sys.argv[1]).SegmentSequence: print(s.SegmentLabel)" $seg`;
    return join ',', map { ($_ + 1) . ':' . $ids{$labels[$_]} } 0 .. $#labels;
}

sub check {
    my ($what, $seg, @words) = @_;
    my $said = `$python $tools/seg_check.py $seg @words 2>&1`;
    is($?, 0, $what) or diag($said);
}

for my $seed (map { "--seed $_" } qw(11 29), '47 --quick') {
    my $dir = tempdir(CLEANUP => 1);
    system("$python $tools/make_pacs_export.py $seed $dir > /dev/null") == 0 or die 'no export';
    my $manifest = read_json("$dir/truth/manifest.json");
    mkdir "$dir/raw";
    system("$build/dicom_volumes -o $dir/raw $dir/export > $dir/list 2>/dev/null");
    for (split /\n/, `$python tests/lib/dicom_export.py $dir/list $dir/raw $dir/truth/manifest.json $dir/export`) {
        /^ok (.*)/ ? pass("$seed: found and read: $1") : fail("$seed: $_");
    }
    my $volumes = decode_json(scalar `$build/sammed2d info --json $dir/export 2>/dev/null`)->{volumes};
    for my $series (grep { $_->{is_volume} } @{$manifest->{series}}) {
        my $key = $series->{key};
        my $gap = @{$series->{missing_slices}};
        spew("$dir/prompts.json", encode_json({space => 'lps', objects => [map {
            my $box = $_->{box3d_lps};
            {name => $_->{name}, id => $_->{label} + 0, boxes => [[map { @$_ } @$box]]} } @{$series->{prompts}}]}));
        my $phase = 0;
        for my $number (numbers($volumes, $series->{series_uid})) {
            $phase++;
            my $what = "$seed, $key" . ($series->{phases} > 1 ? " phase $phase" : '');
            my $where = "--series $dir/export --series-uid $series->{series_uid}";
            $where .= " --acquisition $phase" if $series->{phases} > 1;
            my $segment = "$build/sammed2d segment $dir/export --series $number --prompts $dir/prompts.json -q";
            my $map = $gap ? '' : "-o $dir/map.nii.gz";
            my $said = `$segment -o $dir/binary.dcm $map 2>&1`;
            ok(status($?) =~ /^[03]$/ && -e "$dir/binary.dcm", "$what: segmented") or diag($said), next;
            my $against = $map ? "--labelmap $dir/map.nii.gz --map " . pairs("$dir/binary.dcm", "$dir/map.json") : '';
            check("$what: seg_check", "$dir/binary.dcm", $where, $against);
            next if $series->{slices} > 40;
            `$segment -o $dir/more.dcm --overlap 2>&1`;
            check("$what: --overlap", "$dir/more.dcm", $where, '--allow-overlap');
            `$segment -o $dir/more.dcm --fractional 2>&1`;
            check("$what: --fractional", "$dir/more.dcm", $where, '--allow-overlap');
            `$segment -o $dir/more.dcm --seg-type labelmap 2>&1`;
            check("$what: label map", "$dir/more.dcm", $where, $against, '--no-dciodvfy');
        }
    }
}
done_testing;
