#!/usr/bin/perl
# Series with slices missing or unevenly spaced: prompts in mm go to the slices' true places, and a label
# map on a regular grid is made only where asked for, with every slice where it belongs.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use JSON::PP;
use Run;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $python = '/usr/bin/python3';
system("$python -c 'import pydicom, nibabel' 2>/dev/null") == 0
    or plan skip_all => 'pydicom or nibabel is not installed';
my $dir = tempdir(CLEANUP => 1);
system("$python tests/lib/make_gaps.py make $dir") == 0 or die "make_gaps.py failed";

my $box = '--box a=14,12,%d,46,44,%d --propagate none';
sub segment { return `$build/sammed2d segment -q @_ 2>&1` }
sub first_number { my ($file) = @_; my ($n) = $file =~ /-(\d+)\.dcm$/; return $n }

my %slices;    # series => label maps of its slices, each segmented alone
for my $series (qw(missing rounded uneven tilted drift aside zigzag)) {
    my @files = sort { first_number($a) <=> first_number($b) } glob "$dir/$series/*.dcm";
    for my $n (0 .. $#files) {
        my $map = "$dir/$series.$n.nii.gz";
        segment($files[$n], '-o', $map, sprintf $box, 0, 0);
        push @{$slices{$series}}, $map;
    }
}

sub agrees {
    my ($series, $how) = @_;
    my $map = "$dir/$series.$how.nii.gz";
    segment("$dir/$series", '-o', $map, "--gaps $how", sprintf $box, 0, $#{$slices{$series}});
    is(`$python tests/lib/make_gaps.py check $how $dir/$series $map @{$slices{$series}} 2>&1`, "agrees\n",
       "$series, --gaps $how");
}
agrees('missing', 'fill');
agrees('rounded', 'fill');
agrees('tilted', 'fill');
agrees('missing', 'resample');
agrees('uneven', 'resample');
agrees('drift', 'resample');
agrees('aside', 'resample');
agrees('zigzag', 'resample');

# Slices that move to and fro are laid along the line through them, not along one of their steps, which leads off the
# picture; and what is lost all the same is said.
sub voxels_in {
    my ($map) = @_;
    my $voxels = `gzip -dc $map | tail -c +353`;
    return $voxels =~ tr/\0//c;
}
my $own = 0;
$own += voxels_in($_) for @{$slices{zigzag}};
is(voxels_in("$dir/zigzag.resample.nii.gz"), $own || 'some', "zigzag: all of the object's voxels are there");
my ($found) = @{decode_json(scalar `$build/sammed2d info --json $dir/zigzag`)->{volumes}};
cmp_ok($found->{tilt_deg}, '<', 30, 'zigzag: nor is it told as a steep tilt');
sub warned {
    my ($status, $said) = run("$build/sammed2d segment $dir/$_[0] -o $dir/warned.nii.gz --gaps resample @{[sprintf $box, 0, 8]} 2>&1");
    is($status, 0, "$_[0]: resampled") or diag($said);
    return $said;
}
unlike(warned('zigzag'), qr/left out/, '... without a warning');
my $talk = warned('astray');
like($talk, qr/warned\.nii\.gz: slices lie so far aside that \d+ voxels of objects \(\d+ .*left out; write a DICOM SEG/,
     'astray: voxels that leave the grid are told');
my ($lost, $all) = $talk =~ /that (\d+) voxels of objects \((\d+) /;
is(($all // 0) - ($lost // 0), voxels_in("$dir/warned.nii.gz"), '... each of them');

my $said = segment("$dir/missing", "-o $dir/no.nii.gz", sprintf $box, 0, 7);
is(status($?), 5, 'without --gaps: refused');
like($said, qr/step is 2\.5 mm.*between slices 2 and 3 \(7\.5 mm, from -30,-20,5 to -30,-20,12\.5\).*--gaps/,
     'with the place and what to do');
ok(!-e "$dir/no.nii.gz", 'and nothing is written');
$said = segment("$dir/uneven", "-o $dir/no.nii.gz --gaps fill", sprintf $box, 0, 7);
is(status($?), 5, 'uneven steps cannot be filled');
like($said, qr/not whole multiples.*--gaps resample/, 'and it says so');
for (['drift', qr/no step is far from 2\.52. mm, but they add up/], ['aside', qr/between slices 3 and 4 \(2\.5 mm, from -30,-20,7\.5 to -30,-10,10\)/]) {
    my ($series, $sentence) = @$_;
    $said = segment("$dir/$series", "-o $dir/no.nii.gz", sprintf $box, 0, 7);
    is(status($?), 5, "$series: no NIfTI file without a word on gaps");
    like($said, $sentence, '... and it says why');
}
segment("$dir/missing", "-o $dir/no.nii.gz --gaps stretch", sprintf $box, 0, 7);
is(status($?), 1, 'another word: usage');

# In mm: the slice is the nearest by its own position.
sub slices_of {
    my ($series, @prompts) = @_;
    my $said = `$build/sammed2d segment -q $dir/$series --stats $dir/s.json --propagate none --json @prompts 2>&1`;
    my ($text) = $said =~ /^(\{.*)/ms;
    my $json = eval { decode_json($text) };
    return $json ? "@{$json->{objects}[0]{slices}}" : $said;
}
sub is_slices {
    my ($series, $prompt, $wanted) = @_;
    is(slices_of($series, '--space lps', "'$prompt'"), $wanted, "$series: $prompt");
}
is_slices('missing', '--point=a=3,8,12.6', '3 3');
is_slices('missing', '--point=a=3,8,13.7', '3 3');
is_slices('missing', '--point=a=3,8,6.2', '2 2');
is_slices('missing', '--point=a=3,8,22', '7 7');
is_slices('uneven', '--point=a=3,8,16.4', '4 4');
is_slices('uneven', '--point=a=3,8,16.7', '5 5');
is_slices('uneven', '--point=a=3,8,24.3', '6 6');
is_slices('drift', '--point=a=3,8,30', '12 12'); # which even steps from the first slice to the last would call 11.9
is_slices('drift', '--point=a=3,8,45.3', '18 18');
is_slices('missing', '--box=a=-16,-8,3,16,24,13', '1 3');
is_slices('missing', '--box=a=-16,-8,6.5,16,24,13.6', '3 3');
is_slices('missing', '--box=a=-16,-8,-9,16,24,99', '0 7');
is_slices('uneven', '--box=a=-16,-8,16,16,24,16.2', '4 4');
for my $prompt ('--point=a=3,8,8.7', '--box=a=-16,-8,8,16,24,9') {
    $said = segment("$dir/missing --stats $dir/s.json --space lps '$prompt'");
    is(status($?), 1, "$prompt lies in the gap");
    like($said, qr/gap of the series.*slice 2 begins at -30,-20,5, the next at -30,-20,12\.5/, 'and it says where');
}
$said = segment("$dir/missing --stats $dir/s.json --space lps --point a=3,8,30");
like($said, qr/outside the volume/, 'beyond the last slice is no gap');

# Tilted: slice 3 is moved by -0.3 * 12.5 along y; the box follows it.
my @masks = map {
    my $map = "$dir/tilt$_->[0].nii.gz";
    segment("$dir/tilted -o $map --gaps fill --propagate none $_->[1]");
    `gzip -dc $map | tail -c +353`
} ([0, '--box a=14,12,3,46,44,3'],
   [1, '--space lps --box a=-16.4,' . (-23.75 + 11.6) . ',12.2,16.4,' . (-23.75 + 44.4) . ',12.8']);
ok($masks[0] eq $masks[1] && $masks[0] =~ /[^\0]/, 'tilted: a box in mm falls on the same pixels');

# A label map made so is a prompt for the same series.
for my $how (['missing', 'fill'], ['uneven', 'resample'], ['drift', 'resample'], ['aside', 'resample']) {
    my ($series, $way) = @$how;
    segment("$dir/$series -o $dir/again.nii.gz --gaps $way --mask $dir/$series.$way.nii.gz");
    is($?, 0, "$series: the label map of --gaps $way as --mask");
    segment("$dir/$series -o $dir/other.nii.gz --gaps $way --mask $dir/rounded.fill.nii.gz");
    is(status($?), 1, 'one of another series is refused');
}

# ... each slice from where it lies: as the same mask in a SEG, where every slice has its place.
segment("$dir/aside -o $dir/aside.dcm", sprintf $box, 0, 8);
my @from_either = map {
    segment("$dir/aside -o $dir/from.nii.gz --gaps resample --mask $_");
    `gzip -dc $dir/from.nii.gz | tail -c +353`
} "$dir/aside.dcm", "$dir/aside.resample.nii.gz";
ok($from_either[0] eq $from_either[1] && $from_either[0] =~ /[^\0]/, 'aside: a SEG and a label map prompt for the same');

# Two SEGs on uneven planes, one of which has only some of the other's: nothing of either is cut away, whichever is named first.
segment("$dir/missing -o $dir/all.dcm", sprintf $box, 0, 7);
segment("$dir/missing -o $dir/some.dcm", sprintf $box, 1, 4);
my @both = map { decode_json(scalar qx($build/sammed2d compare --json --no-distances $dir/$_->[0].dcm $dir/$_->[1].dcm))->{labels}{1} } ['all', 'some'], ['some', 'all'];
cmp_ok($both[0]{dice}, '<', 0.9, 'some slices are not all');
cmp_ok(abs($both[0]{dice} - $both[1]{dice}), '<', 1e-9, '... seen from either side');
is("$both[0]{voxels_a} $both[0]{voxels_b}", "$both[1]{voxels_b} $both[1]{voxels_a}", '... with all voxels');

# Two SEGs on uneven planes that overlap in part: what lies on planes of one alone counts too.
sub compared {
    my ($status, $out, $err) = run("$build/sammed2d compare --json --no-distances @_");
    return ($status, $out ? decode_json($out) : {}, $err);
}
segment("$dir/uneven -o $dir/low.dcm", sprintf $box, 0, 5);
segment("$dir/uneven -o $dir/high.dcm", sprintf $box, 3, 7);
segment("$dir/uneven -o $dir/whole.dcm", sprintf $box, 0, 7);
my %count;
for (['low', 0, 5], ['high', 3, 7], ['both', 3, 5], ['whole', 0, 7]) {
    my ($part, $from, $to) = @$_;
    segment("$dir/uneven --stats $dir/s.json", sprintf $box, $from, $to);
    $count{$part} = read_json("$dir/s.json")->{objects}[0]{voxels};
}
for (['low', 'high', 'both'], ['high', 'low', 'both'], ['low', 'whole', 'low'], ['whole', 'low', 'low']) {
    my ($x, $y, $common) = @$_;
    my ($status, $json, $talk) = compared("$dir/$x.dcm $dir/$y.dcm");
    my $label = $json->{labels}{1};
    is("$status $label->{voxels_a} $label->{voxels_b} $label->{voxels_both}", "0 $count{$x} $count{$y} $count{$common}",
       "compare, uneven: $x and $y, with the planes of either") or diag($talk);
    cmp_ok(abs($label->{dice} - 2 * $count{$common} / ($count{$x} + $count{$y})), '<', 1e-9, '... and the Dice of it');
    ok($json->{same_grid} && !$json->{resampled}, '... on the same voxels');
}
# Two slices alone are on a regular grid, which is not that of the others.
segment("$dir/uneven -o $dir/two.dcm", sprintf $box, 5, 6);
{
    my ($status, $json, $talk) = compared("$dir/two.dcm $dir/low.dcm");
    is("$status " . ($json->{labels}{1}{voxels_b} // ''), "0 $count{low}", 'two slices and all lie on the planes of either') or diag($talk);
    cmp_ok($json->{labels}{1}{voxels_both}, '>', 100, '... one of which is common');
}
# A regular grid is another than uneven planes.
for (["$dir/low.dcm", "$dir/uneven.resample.nii.gz"], ["$dir/uneven.resample.nii.gz", "$dir/low.dcm"]) {
    my ($status, $json, $talk) = compared(@$_);
    is($status, 1, 'compare: uneven planes and a regular grid are refused');
    like($talk, qr/unevenly spaced slices.*--resample/, '... with what they are and what to do');
    ($status, $json, $talk) = compared(@$_, '--resample');
    is($status, 0, '... which helps') or diag($talk);
    ok($json->{resampled} && !$json->{same_grid}, '... and it is told that grids differ');
    cmp_ok($json->{labels}{1}{voxels_a}, '==', $count{low}, '... with all of the planes') if $$_[0] =~ /low/;
}

# Every slice counts for half of the way to its neighbours.
segment("$dir/uneven --stats $dir/s.json", sprintf $box, 0, 7);
my $whole = read_json("$dir/s.json")->{objects}[0]{volume_ml};
my ($sum, @share) = (0, 4, 4, 4, 4, 2.55, 4.05, 7, 7);
for my $n (0 .. 7) {
    segment("$dir/uneven --stats $dir/s.json", sprintf $box, $n, $n);
    my $object = read_json("$dir/s.json")->{objects}[0];
    $sum += $object->{voxels} * $share[$n] / 1000;
}
ok(abs($whole - $sum) < 1e-6 * $sum, "volume: $whole ml, slice by slice $sum ml");

SKIP: {
    my $real = '../shared/data/dicom';
    -d $real or skip '../shared is not there', 4;
    segment("$real/ct_missing_slice -o $dir/r.nii.gz --gaps fill --box a=100,100,0,200,200,3");
    is(`$python -c 'import nibabel; i = nibabel.load("$dir/r.nii.gz"); print(i.shape[2])'`, "5\n",
       'ct_missing_slice: one empty slice');
    segment("$real/ct_tilt_variable_spacing_ge -o $dir/r.nii.gz --box a=100,100,0,200,200,3");
    is(status($?), 5, 'ct_tilt_variable_spacing_ge: refused');
    segment("$real/ct_tilt_variable_spacing_ge -o $dir/r.nii.gz --gaps fill --box a=100,100,0,200,200,3");
    is(status($?), 5, 'nor can it be filled');
    segment("$real/ct_tilt_variable_spacing_ge -o $dir/r.nii.gz --gaps resample --propagate none "
            . '--box a=180,180,0,330,330,13');
    is(status($?), 0, 'but resampled');
}
done_testing;
