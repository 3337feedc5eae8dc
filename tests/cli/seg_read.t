#!/usr/bin/perl
# SEG and RT structure sets as masks: every real file there is, and made ones for what these lack, each
# judged by an own decoder in Python; and --mask with them.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use JSON::PP;
use Run;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $python = '/usr/bin/python3';
system("$python -c 'import pydicom, numpy' 2>/dev/null") == 0 or plan skip_all => 'pydicom is not installed';
my $dir = tempdir(CLEANUP => 1);
my $made = "$dir/made";
system("$python -W ignore tests/lib/make_masks.py $made") == 0 or die "make_masks.py failed";

# (status, said, the witness's words) of one mask file on one volume.
sub read_mask {
    my ($mask, $volume, @maps) = @_;
    my $status = status(system("$build/tests/dump_masks $mask $volume $dir/raw > $dir/json 2> $dir/error"));
    return ($status, {}, slurp("$dir/error")) if $status;
    my $said = read_json("$dir/json");
    chomp(my $words = `$python -W ignore tests/lib/seg_witness.py $mask $dir/json $dir/raw @maps 2>&1`);
    return (0, $said, $words);
}

sub says { my ($list, @patterns) = @_; return @$list == @patterns && !grep { $list->[$_] !~ $patterns[$_] } 0 .. $#patterns }

my $grid = qr/is on another grid .* nearest neighbour/;
# mask => [voxels in how many masks, warnings...]; on the series of the same name, else the common one.
my @good = (
    binary => ['2 masks, 456 voxels'], per_frame => ['2 masks, 456 voxels'], alike => ['2 masks, 456 voxels'],
    big => ['2 masks, 456 voxels'], big_bytes => ['2 masks, 456 voxels'],
    deflated => ['2 masks, 456 voxels'], rle => ['2 masks, 456 voxels'],
    fractional => ['1 masks,'], fractional_rle => ['1 masks,'], fractional_big => ['1 masks,'],
    labelmap8 => ['2 masks, 362 voxels'], labelmap16 => ['2 masks, 362 voxels'],
    labelmap16_rle => ['2 masks, 362 voxels'], labelmap16_big => ['2 masks, 362 voxels'],
    (map { ("turned$_" => ['2 masks, 456 voxels']) } 0 .. 5),
    cut => ['1 masks,'], wide => ['1 masks,', qr/pixels of "wide" lie outside of the volume/],
    tilted => ['1 masks,'], gaps => ['1 masks,'],
    fine => ['1 masks,', $grid], coarse => ['1 masks,', $grid], thick => ['1 masks,', $grid],
    thick_own => ['1 masks,'],
    oblique => ['1 masks,', $grid],
    partly => ['2 masks,', qr/nothing of "away" lies in the volume/],
    rtstruct => ['2 masks,'], rt_zero => ['2 masks,'],
    rt_far => ['1 masks,', qr/"far" on 1 planes are further than half a slice/],
    rt_close => ['1 masks,'],
    rt_side => ['1 masks, 54 voxels', qr/"side" are not drawn along the slices/],
);
while (my ($case, $wanted) = splice @good, 0, 2) {
    my ($words, @warnings) = @$wanted;
    my ($status, $said, $judged) = read_mask("$made/$case.dcm", -d "$made/$case" ? "$made/$case" : "$made/series");
    is($status, 0, "$case is read") or diag($judged), next;
    like($judged, qr/\A\Q$words\E.*\z/, "$case: every voxel as the witness has it");
    ok(says($said->{warnings}, @warnings), "$case: warnings") or diag(explain($said->{warnings}));
}

# Masks that must be the same, voxel for voxel: (file, file, of how many masks).
sub masks_of {
    my ($file, $count) = @_;
    my (undef, $said) = read_mask($file, "$made/series");
    my $voxels = slurp("$dir/raw");
    return unpack 'H*', substr $voxels, 0, length($voxels) * $count / @{$said->{masks}};
}
for (['rt_apart', 'rtstruct', 'contours of one slice whose depths were rounded count together'],
     ['rt_pairs', 'rtstruct', 'of two planes at one slice the nearest counts, though they are close'],
     ['rt_twice', 'rtstruct', 'a contour that is there two or three times counts once'],
     ['rt_side_apart', 'rt_side', 'so do those of one plane across the slices'],
     ['thick_unsaid', 'thick', 'thick frames reach as far without SpacingBetweenSlices']) {
    my ($one, $other, $what) = @$_;
    ok(masks_of("$made/$one.dcm", 1) eq masks_of("$made/$other.dcm", 1), $what);
}

my (undef, $twice) = read_mask("$made/rt_twice.dcm", "$made/series");
ok(says($twice->{warnings}, qr/contours of "ring" are there again, point for point, 9 in all/), '... and a warning says so') or diag(explain($twice->{warnings}));

# On the grid of its own frames, where every pixel must find its voxel.
my $pixels = 'import sys; sys.path.insert(0, "tests/lib"); import pydicom, seg_witness as w; d = pydicom.dcmread(sys.argv[1]); '
    . 'print(sum(int(w.inside_value(d, f[6]).sum()) for f in w.frames_of(d)))';
sub own_grid {
    my ($file, $slices, $uneven) = @_;
    my ($status, $said, $judged) = read_mask($file, '-');
    is($status, 0, "$file on its own grid") or diag($judged), return;
    chomp(my $wanted = `$python -W ignore -c '$pixels' $file`);
    like($judged, qr/\A\d+ masks, $wanted voxels\z/, '... every pixel in its place');
    is_deeply($said->{warnings}, [], '... without a warning');
    is($said->{dim}[2], $slices, '... slices') if $slices;
    return $said;
}
own_grid("$made/$_->[0].dcm", $_->[1])
    for ['binary', 6], ['alike', 6], ['rle', 6], ['fractional', 6], ['labelmap16', 6], ['turned1', 6], ['turned4', 11],
    ['cut', 3], ['tilted', 5], ['gaps', 7], ['coarse', 3], ['oblique', 16];
my $uneven = own_grid("$made/uneven.dcm", 5);
is_deeply([map { $_->[2] } @{$uneven->{origins}}], [7, 9, 10.5, 11.4, 16], 'uneven slices keep their places');
for (['beside', 5, qr/beside one another/], ['sizes', 5, qr/several sizes/], ['directions', 5, qr/several directions/],
    ['rtstruct', 1, qr/no grid of their own; give the image/], ['series/000', 5, qr/no segmentation/]) {
    my ($case, $wanted, $why) = @$_;
    my ($status, undef, $words) = read_mask(-e "$made/$case" ? "$made/$case" : "$made/$case.dcm", '-');
    is($status, $wanted, "$case has no grid of its own");
    like($words, $why, '... the reason');
}

my @refused = (
    elsewhere => [1, qr/nothing of it lies in the volume/],
    other_frame => [1, qr/in another frame of reference/],
    rt_other_frame => [1, qr/in another frame of reference/],
    'series/000' => [5, qr/no segmentation \(SEG\) and no RT structure set/],
);
while (my ($case, $wanted) = splice @refused, 0, 2) {
    my $file = -e "$made/$case" ? "$made/$case" : "$made/$case.dcm";
    my ($status, undef, $words) = read_mask($file, "$made/series");
    is($status, $wanted->[0], "$case is refused");
    like($words, $wanted->[1], "$case: the reason");
}

sub labels { return [map { "$_->{number} $_->{label}" } @{$_[0]{masks}}] }
is_deeply(labels((read_mask("$made/binary.dcm", "$made/series"))[1]), ["1 Leber \x{e4}", '2 lesion'], 'names are UTF-8');
is_deeply(labels((read_mask("$made/alike.dcm", "$made/series"))[1]), ['1 lesion (1)', '2 lesion (2)'],
    'segments of one name are told apart');
is_deeply(labels((read_mask("$made/rt_zero.dcm", "$made/series"))[1]), ['1 first', '2 second'],
    'ROI numbers that cannot be labels are counted anew');

# A cut or damaged file never crashes, hangs or is read as something else without a word. What ends before the
# word DICM, at byte 132, is nothing that anybody knows.
for my $case (qw(binary rle labelmap16 deflated rtstruct)) {
    my $bytes = slurp("$made/$case.dcm");
    my @odd;
    for my $percent (map { 4 * $_ } 0 .. 24) {
        my $left = int(length($bytes) * $percent / 100);
        spew("$dir/cut.dcm", substr $bytes, 0, $left);
        my $status = status(system("timeout 5 $build/tests/dump_masks $dir/cut.dcm $made/series $dir/raw > /dev/null 2>&1"));
        push @odd, "$percent%: $status" unless $status =~ ($left > 0 && $left < 132 ? qr/^2$/ : qr/^[45]$/);
    }
    is_deeply(\@odd, [], "$case cut short is refused");
}

# --mask
sub segment {
    my ($mask, @more) = @_;
    my ($status, $out) = run("$build/sammed2d segment -q $made/series -o $dir/out.nii.gz --mask $mask --json @more");
    return ($status, $out ? decode_json($out) : {});
}
{
    my ($status, $json) = segment("$made/binary.dcm");
    like($status, qr/^[03]$/, '--mask seg.dcm segments');
    is_deeply([map { "$_->{id} $_->{name}" } @{$json->{objects}}], ["1 Leber \x{e4}", '2 lesion'], 'an object a segment');
    ($status, $json) = segment("$made/rtstruct.dcm");
    is_deeply([map { "$_->{id} $_->{name}" } @{$json->{objects}}], ['4 ring', '2 between'], 'an object a ROI');
    ($status) = segment("$made/other_frame.dcm");
    is($status, 1, 'another frame of reference is refused');
}

SKIP: {
    my $real = '../shared/data/seg';
    skip '../shared is not there', 1 unless -d $real;
    my ($ct, $small) = ("$real/dcmqi_ct3slice", "$real/dcmqi_24x38x3");
    my $liver = "$ct/nrrd/liver_seg.nrrd 1 1";
    my $overlaps = join ' ', map { "$ct/nrrd/partial_overlaps-$_" } '1.nrrd 1 1', '1.nrrd 4 4', '1.nrrd 5 5', '2.nrrd 2 2', '3.nrrd 3 3';
    my @files = (
        ["$ct/seg_liver.dcm", "$ct/source", $liver, '1 masks, 107098 voxels'],
        ["$ct/seg_partial_overlaps.dcm", "$ct/source", $overlaps, '5 masks, 43639 voxels'],
        ["$real/pydicom_seg_rle/liver.dcm", "$ct/source", $liver, '1 masks, 107098 voxels'],
        ["$real/pydicom_seg_rle/liver_expb.dcm", "$ct/source", $liver, '1 masks, 107098 voxels'],
        ["$real/pydicom_seg_rle/liver_rle.dcm", "$ct/source", $liver, '1 masks, 107098 voxels'],
        ["$small/labelmap_seg_ppv5.dcm", "$small/image", "$small/nrrd/sparse_labelmap_ppv5_seg.nrrd 1 1", '1 masks, 630 voxels'],
        ["$small/seg/label.seg", "$small/image", "$small/nrrd/label.nrrd 1 1", '1 masks, 315 voxels'],
        ["$small/seg/label.seg", "$small/multiframe", "$small/nrrd/label.nrrd 1 1", '1 masks, 315 voxels'],
        ["$real/highdicom_ct/seg_binary.dcm", "$real/highdicom_ct/source_multi", '', '1 masks, 638 voxels'],
        ["$real/highdicom_ct/seg_binary_overlap.dcm", "$real/highdicom_ct/source_multi", '', '2 masks, 80 voxels'],
        ["$real/highdicom_ct/seg_fractional.dcm", "$real/highdicom_ct/source_multi", '', '1 masks, 638 voxels'],
        ["$real/highdicom_ct/seg_single_frame.dcm", "$real/highdicom_ct/source_single", '', '1 masks, 1832 voxels'],
    );
    my %tried = map { $_->[0] => 1 } @files;
    my @missed = grep { !$tried{$_} && /(seg_\w+\.dcm|\.seg|liver\w*\.dcm|labelmap\w*\.dcm)$/ } glob "$real/*/*.dcm $real/*/*/*.seg";
    is_deeply(\@missed, [], 'every SEG of the data has a row');
    for my $row (@files) {
        my ($mask, $volume, $maps, $wanted) = @$row;
        my ($status, $said, $judged) = read_mask($mask, $volume, $maps);
        is($judged, $wanted, "$mask on $volume");
        is_deeply($said->{warnings}, [], 'without a warning');
    }
}
done_testing;
