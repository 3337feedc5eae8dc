#!/usr/bin/perl
# A made PACS export, segmented with its own prompts: every frame of every SEG, judged by seg_check.py.
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
my $dir = tempdir(CLEANUP => 1);
system("$python $tools/make_pacs_export.py --quick --seed 3 $dir > /dev/null") == 0 or die 'no export';
my $manifest = read_json("$dir/truth/manifest.json");

# The middle slices of two objects of each volume: all of them would say no more.
my %wanted = map { $_ => 1 } qw(ct_missing_slice ct_enhanced mr_oblique ct_gantry_tilt);
for my $series (grep { $wanted{$_->{key}} } @{$manifest->{series}}) {
    my $key = $series->{key};
    my @objects = map { my $box = $_->{box2d_lps};
                        {name => $_->{name}, id => $_->{label} + 0, boxes => [[map { @$_ } @$box]]} }
        grep { $_->{name} =~ /liver|spine|kidney_left/ } @{$series->{prompts}};
    spew("$dir/$key-prompts.json", encode_json({space => 'lps', objects => \@objects}));
    my $map = @{$series->{missing_slices}} ? '' : "-o $dir/$key.nii.gz";
    my $said = `$build/sammed2d segment $dir/export --series $series->{series_uid} --prompts $dir/$key-prompts.json --propagate none -o $dir/$key.dcm $map -q 2>&1`;
    like(status($?), qr/^[03]$/, "$key: segmented") or diag($said);
    ok(-e "$dir/$key.dcm", "$key: written") or next;
    # Segments are numbered without gaps, labels are not.
    my $pairs = $map ? `$python -c "
import json, pydicom, sys
ids = {o['name']: o['id'] for o in json.load(open(sys.argv[2]))['labels']}
print(','.join(f'{s.SegmentNumber}:{ids[str(s.SegmentLabel)]}' for s in pydicom.dcmread(sys.argv[1]).SegmentSequence))
" $dir/$key.dcm $dir/$key.json` : '';
    chomp $pairs;
    my $against = $map ? "--labelmap $dir/$key.nii.gz --map $pairs" : '';
    $said = `$python $tools/seg_check.py $dir/$key.dcm --series $dir/export --series-uid $series->{series_uid} $against 2>&1`;
    is($?, 0, "$key: seg_check") or diag($said);
}
done_testing;
