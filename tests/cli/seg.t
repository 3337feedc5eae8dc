#!/usr/bin/perl
# DICOM SEG: written from made series with the default weights, read back by pydicom.
use strict;
use warnings;
use lib 'tests/lib';
use File::Basename 'basename';
use File::Copy 'copy';
use File::Temp 'tempdir';
use JSON::PP;
use Run;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $python = '/usr/bin/python3';
system("$python -c 'import pydicom, nibabel' 2>/dev/null") == 0
    or plan skip_all => 'pydicom or nibabel is not installed';
my $verify = `sh -c 'command -v dciodvfy'`;
my $made = tempdir(CLEANUP => 1);
my $out = tempdir(CLEANUP => 1);
system("$python tests/lib/make_seg_series.py $made") == 0 or die "make_seg_series.py failed";

sub segment {
    my ($series, $words) = @_;
    return run("$build/sammed2d segment $made/$series $words 2>&1");
}

# Errors that dciodvfy finds, one line each.
sub errors {
    -e $_[0] or return "$_[0] is not there";
    my ($status, $said) = $verify ? run("dciodvfy $_[0] 2>&1") : (0, '');
    return $status =~ /^[01]$/ ? join '', grep { /^Error/ } split /^/, $said : "$status: $said";
}
sub dump_of {
    my ($status, $said, $err) = run("$python -c 'import sys, pydicom; print(pydicom.dcmread(sys.argv[1]))' $_[0]");
    is($status, 0, 'pydicom reads it') or diag($err);
    return $said;
}
# What is wrong in the eyes of a script of tests/lib, with its status.
sub script { my ($status, $said) = run("$python tests/lib/@_ 2>&1"); return "$status $said" }

my %boxes = (odd => '20,18,1,90,80,3', tilted => '12,10,0,50,54,3', gap => '8,6,0,36,30,3',
             oblique => '5,8,0,28,44,2', enhanced => '7,6,0,35,30,3');
for my $case (sort keys %boxes) {
    my ($x0, $y0, $k0, $x1, $y1, $k1) = split /,/, $boxes{$case};
    my $small = join ',', $x0, $y0, $k0, int(($x0 + $x1) / 2), int(($y0 + $y1) / 2), $k0;
    my $gaps = $case eq 'gap' ? '--gaps fill' : '';
    my ($status, $said) = segment($case, "--box liver=$boxes{$case} --box 'left kidney=$small' $gaps " .
                                  "-o $out/$case.dcm -o $out/$case.nii.gz");
    is($status, 0, "$case: written") or diag($said);
    is(script("seg_written.py $out/$case.dcm $made/$case $out/$case.nii.gz"), '0 ',
       "$case: frames, places and references");
    is(errors("$out/$case.dcm"), '', "$case: dciodvfy");
}

my $odd = dump_of("$out/odd.dcm");
like($odd, qr/Patient's Name\s+PN: 'Müller\^Jörg'/, 'the name keeps its characters');
like($odd, qr/10200004.*\n.*SCT.*\n.*'Liver'/, 'the liver has its code');
like($odd, qr/7771000.*\n.*SCT.*\n.*'Left'/, 'and the kidney its side');
my $lossy = dump_of("$out/oblique.dcm");
like($lossy, qr/$_/, "a lossy source: $_") for "Lossy Image Compression\\s+CS: '01'",
    "Lossy Image Compression Ratio\\s+DS: '8", "Lossy Image Compression Method\\s+CS: 'ISO_10918_1'";
like(dump_of("$out/enhanced.dcm"), qr/Referenced Frame Number/, 'frames of a multi-frame source are named');

my ($status, $said) = segment('odd', "--box liver=$boxes{odd} --box 'left kidney=20,18,1,55,49,1' " .
                              "-o $out/again.dcm");
is(system("cmp -s $out/odd.dcm $out/again.dcm"), 0, 'the same work, the same bytes');
segment('odd', "--box liver=$boxes{odd} --box 'left kidney=20,18,1,55,50,1' -o $out/other.dcm");
my ($mine, $others) = map { dump_of("$out/$_.dcm") =~ /\(0008, 0018\).*UI: (\S+)/ } 'odd', 'other';
isnt($mine, $others, 'other frames, another UID');
like($_, qr/^2\.25\.\d{20,39}$/, 'which is under 2.25') for $mine, $others;

($status, $said) = segment('radiograph', "--box lung=8,8,0,36,40,0 -o $out/flat.dcm");
is($status, 0, 'a radiograph, which has no place in space') or diag($said);
is(errors("$out/flat.dcm"), '', 'dciodvfy');
unlike(dump_of("$out/flat.dcm"), qr/Plane Position Sequence|Frame of Reference UID/, 'is given none');

# Kinds.
($status) = segment('odd', "--box liver=$boxes{odd} --seg-type labelmap -o $out/map.dcm -o $out/map.nii.gz");
is($status, 0, 'label map segmentation');
is(script("seg_written.py $out/map.dcm $made/odd $out/map.nii.gz"), '0 ', 'and its voxels');
($status) = segment('odd', "--box liver=$boxes{odd} --fractional -o $out/part.dcm");
is($status, 0, 'fractional');
is(script("seg_written.py $out/part.dcm $made/odd"), '0 ', 'and its frames');
is(errors("$out/part.dcm"), '', 'dciodvfy');
($status, $said) = segment('odd', "--box liver=$boxes{odd} --box tumor=$boxes{odd} --overlap -o $out/over.dcm");
is($status, 0, 'two objects at one place');
like(dump_of("$out/over.dcm"), qr/Segments Overlap\s+CS: 'YES'/, 'are said to overlap');
is(errors("$out/over.dcm"), '', 'dciodvfy');

# Names, texts, codes.
($status, $said) = segment('odd', "--box Schädel-Ding=$boxes{odd} --tracking-id T1 --series-number 77 " .
                           "--series-description 'Größe' --content-creator Doe^Jane -o $out/text.dcm");
is($status, 0, 'texts');
my $text = dump_of("$out/text.dcm");
like($text, qr/$_/, $_) for 'Segment Label\s+LO: \'Schädel-Ding\'', "Series Number\\s+IS: '77'",
    'Series Description\s+LO: \'Größe\'', 'Doe\^Jane', "Tracking ID\\s+UT: 'T1'", 'Tracking UID\s+UI: 2\.25\.';
$said = `$build/sammed2d segment $made/odd --box thing=$boxes{odd} -o $out/thing.dcm 2>&1`;
like($said, qr/warning: "thing" is not in the table/, 'an unknown name is a warning');
my %meta = (ContentCreatorName => 'X^Y', SeriesNumber => '12', segmentAttributes => [[{
    labelID => 1, SegmentLabel => 'Milz', SegmentDescription => 'by hand', recommendedDisplayRGBValue => [255, 0, 0],
    SegmentedPropertyCategoryCodeSequence => {CodeValue => '123037004', CodingSchemeDesignator => 'SCT', CodeMeaning => 'Anatomical Structure'},
    SegmentedPropertyTypeCodeSequence => {CodeValue => '78961009', CodingSchemeDesignator => 'SCT', CodeMeaning => 'Spleen'},
    TrackingIdentifier => 'S1', TrackingUniqueIdentifier => '1.2.0.44'}]]);
spew("$out/meta.json", encode_json(\%meta));
($status) = segment('odd', "--box a=$boxes{odd} --meta $out/meta.json -o $out/meta.dcm");
$text = dump_of("$out/meta.dcm");
like($text, qr/$_/, "--meta: $_") for '78961009', "'Milz'", "'by hand'", 'X\^Y', "IS: '12'",
    '\[35580, 53665, 50856\]', "Tracking ID\\s+UT: 'S1'", 'Tracking UID\s+UI: 1\.2\.0\.44';
($status) = segment('odd', "--box a=$boxes{odd} --meta $out/meta.json --tracking-id T2 -o $out/meta2.dcm");
like(dump_of("$out/meta2.dcm"), qr/Tracking ID\s+UT: 'T2'.*Tracking UID\s+UI: 2\.25\./s, '--tracking-id takes the place of both');
push @{$meta{segmentAttributes}}, [{labelID => 7}], [{labelID => 9}];
open my $more, '>', "$out/more.json" or die;
print $more encode_json(\%meta);
close $more;
($status, $said) = segment('odd', "--box a=$boxes{odd} --meta $out/more.json -o $out/more.dcm");
like("$status $said", qr/^0 .*more\.json: no object has the labelID 7, 9; what is said of it is not used/s, 'labels of --meta that no object has');
$#{$meta{segmentAttributes}} = 0;
for (['01.2', 'S1', 'is no UID'], ['1.02', 'S1', 'is no UID'], ['1..2', 'S1', 'is no UID'], ['.1', 'S1', 'is no UID'], ['1.', 'S1', 'is no UID'],
     ['1' x 65, 'S1', 'is no UID'], ['1.a', 'S1', 'is no UID'], ['1.2', '', 'needs a TrackingIdentifier beside it'],
     [12, 'S1', 'TrackingUniqueIdentifier is not a text'], ['1.2', 7, 'TrackingIdentifier is not a text']) {
    my ($uid, $id, $why) = @$_;
    @{$meta{segmentAttributes}[0][0]}{qw(TrackingUniqueIdentifier TrackingIdentifier)} = ($uid, $id);
    spew("$out/uid.json", encode_json(\%meta));
    ($status, $said) = segment('odd', "--box a=$boxes{odd} --meta $out/uid.json -o $out/no.dcm");
    like("$status $said", qr/^4 .*uid\.json: labelID 1: .*$why/s, "a TrackingUniqueIdentifier '$uid' beside '$id'");
}
spew("$out/bad.json", '{"segmentAttributes": [[{"labelID": 1}]]}');
($status, $said) = segment('odd', "--box a=$boxes{odd} --meta $out/bad.json -o $out/no.dcm");
is($status, 4, 'a --meta without codes is corrupt');
like($said, qr/labelID 1: SegmentedPropertyCategoryCodeSequence/, 'and says where');

# What cannot be.
($status, $said) = segment('gap', "--box liver=$boxes{gap} -o $out/no.nii.gz");
is($status, 5, 'a series with a gap is no NIfTI');
like($said, qr/--gaps/, 'unless --gaps says how');
ok(!-e "$out/no.nii.gz" && !-e "$out/no.dcm", 'and nothing is written');
($status) = segment('gap', "--box liver=$boxes{gap} --gaps resample -o $out/even.nii.gz");
is($status, 0, 'resampled');
($status, $said) = segment('odd', "--box liver=$boxes{odd} --overlap --seg-type labelmap -o $out/no.dcm");
is($status, 1, 'a label map has no overlap');
($status, $said) = segment('odd', "--box liver=$boxes{odd} -o $made/odd/x0");
is($status, 1, 'a slice of the series is not overwritten');
mkdir "$made/linked";
copy("$made/odd/x0", "$out/image.dcm") or die "$made/odd/x0: $!";
symlink m{/x0$} ? "$out/image.dcm" : $_, "$made/linked/" . basename($_) for glob "$made/odd/*";
($status, $said) = segment('linked', "--box liver=$boxes{odd} -o $out/image.dcm");
is($status, 1, '... nor where links lead to it');
like($said, qr/holds a DICOM image/, '... with a reason');

# Objects that come out empty. On the same box the first one has every voxel.
($status, $said) = segment('odd', "--box liver=$boxes{odd} --box shadow=$boxes{odd} -o $out/first.dcm -o $out/first.nii.gz");
is($status, 3, 'one of two objects is empty: status 3');
like($said, qr/"shadow" came out empty/, 'which is said');
like(dump_of("$out/first.dcm"), qr/Segment Label\s+LO: 'liver'(?!.*Segment Label)/s, 'and left out of the SEG');
is(errors("$out/first.dcm"), '', 'dciodvfy');
SKIP: {
    skip 'h5py is not installed', 5 if system("$python -c 'import h5py' 2>/dev/null");
    is(script("blind_weights.py $out/blind.h5"), '0 ', 'weights that see nothing');
    ($status, $said) = segment('odd', "-w $out/blind.h5 --box liver=$boxes{odd} -o $out/none.dcm -o $out/none.nii.gz");
    is($status, 3, 'every object is empty: status 3');
    like($said, qr/no DICOM SEG is written/, 'which is said');
    ok(!-e "$out/none.dcm", 'no SEG');
    ok(-s "$out/none.nii.gz", 'but a label map');
}

# What UIDs and dates depend on.
sub uid { my ($file) = @_; return dump_of($file) =~ /\(0008, 0018\).*UI: (\S+)/ ? $1 : '' }
my %uids;
for my $case (
    ['as it is', ''], ['another option', '--multimask no'], ['another window', '--window -200,400'],
    ['another label', '--tracking-id liver=7'], ['another kind', '--fractional'],
) {
    my ($what, $more) = @$case;
    segment('odd', "--box liver=$boxes{odd} $more -o $out/uid.dcm");
    is($uids{uid("$out/uid.dcm")}++ // 0, 0, "$what: another UID");
}
{
    local $ENV{SOURCE_DATE_EPOCH} = 86400 * 365;
    segment('odd', "--box liver=$boxes{odd} -o $out/epoch.dcm");
    like(dump_of("$out/epoch.dcm"), qr/Content Date\s+DA: '19710101'/, 'SOURCE_DATE_EPOCH is the date');
}
like(dump_of("$out/odd.dcm"), qr/Content Date\s+DA: '20200102'/, 'else the source gives it');

# Written into the folder that was read, a SEG does not disturb the next reading.
($status, $said) = segment('oblique', "--box liver=$boxes{oblique} -o $made/oblique/new.dcm");
is($status, 0, 'a SEG beside its source') or diag($said);
($status, $said) = segment('oblique', "--box liver=$boxes{oblique} -o $out/beside.dcm");
is(system("cmp -s $made/oblique/new.dcm $out/beside.dcm"), 0, 'is left out when that is read');
($status, $said) = segment('enhanced/multi', "--box liver=$boxes{enhanced} -o $made/enhanced/multi.dcm");
is($status, 0, 'a single file, and a SEG beside it');
rename "$made/enhanced/multi", "$made/enhanced/it.dcm" or die;
($status, $said) = segment('enhanced/it.dcm', "--box liver=$boxes{enhanced} -o $made/enhanced/./it.dcm");
is($status, 1, 'but never in its place');
done_testing;
