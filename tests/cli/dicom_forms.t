#!/usr/bin/perl
# Made DICOM files in less plain forms (PET, tables, character sets, bombs) and trees that are easy to group
# wrongly: what becomes of each, by pydicom's word.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use JSON::PP;
use Run;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $python = '/usr/bin/python3';
system("$python -c 'import pydicom' 2>/dev/null") == 0 or plan skip_all => 'pydicom is not installed';
my $made = tempdir(CLEANUP => 1);
for (qw(forms trees)) { system("$python tests/lib/make_$_.py $made") == 0 or die "make_$_.py failed" }
my $out = tempdir(CLEANUP => 1);

sub each_of { my ($text, @what) = @_; return map { "read $text | $_" } @what }
my $bomb = 'packed bytes would unpack to more than 64 MiB, which no image does; unpack it yourself if you trust it';
my @cases = (
    # forms
    pet => [each_of('8x6x4 uint16', 'correction DECY/BQML', 'correction DECY\ATTN\SCAT/BQML')],
    dynamic_pet => [each_of('8x6x3 int16', map { "frame reference time $_" } 30000, 90000, 150000)],
    voi_tables => ['read 8x6x3 int16'], voi_table => ['read 8x6x3 int16'],
    modality_tables => ['read 8x6x3 uint16'],
    odd_bits => ['read 8x6x1 uint16', 'read 8x6x1 int16'],
    bombs => ['read 512x512x1 int16', '- cut | truncated: the pixel data ends 28 bytes short',
              "- deflated | unreadable: its 97456 $bomb", '- study.zip/black | duplicate of black',
              "- study.zip/zeros | unreadable: its 97203 $bomb"],
    charsets => [('read 8x6x1 int16') x 16],
    single => [('read 8x6x1 uint16') x 2],
    # trees
    copies => ['read 8x6x4 int16', '- a_short | truncated copy of m2',
               '- b_shorter | truncated: the file ends inside its header', '- m1 | duplicate of a_copy'],
    one_uid => ['read 8x6x4 int16'],
    localizers => ['read 8x6x5 int16', '- side | another orientation, size or spacing than the rest of its series',
                   '- top | localizer'],
    frames_of_reference => [each_of('8x6x3 int16', map { "frame of reference $_ of 2 in the series" } 1, 2)],
    (map { $_ => [each_of('8x6x3 int16', map { "image type ORIGINAL\\PRIMARY\\$_\\ND" } 'M', 'P')] }
        qw(image_types woven_types)),
    interleaved_passes => ['read 8x6x8 int16'],
    contrast => [each_of('8x6x3 int16', 'contrast agent not given', 'contrast agent Iodine')],
    times => [each_of('8x6x3 int16', 'acquisition time 100000', 'acquisition time 101000')],
    partly => ['read 8x6x6 int16 | acquisition 1', 'read 8x6x3 int16 gaps=2 | acquisition 2'],
    diffusion => [each_of('8x6x3 int16', map { "diffusion b=$_" } '0 direction 0\0\1', '1000 direction 0\1\0',
                          '1000 direction 1\0\0')],
    several_marks => [each_of('8x6x3 int16', map { my $e = $_; map { "echo $e, temporal position $_" } 1, 2 } 1, 2)],
    rescan => [map { "read 8x6x$_->[0] int16 | number $_->[1] of 2 at the same positions, some of which have fewer: which slices "
                     . 'belong together is a guess' } [4, 1], [1, 2]],
    unsure => ['read 8x6x5 int16'],
    sizes => [each_of('8x6x3 int16', map { "spacing $_ of 2 in the series" } 1, 2)],
    no_uids => [('read 8x6x3 int16') x 2],
);

my %listed;
while (my ($case, $wanted) = splice @cases, 0, 2) {
    system("$build/dicom_volumes -o $out $made/$case > $out/list") == 0 or diag("$case: $?");
    $listed{$case} = [map { decode_json($_) } split /^/, slurp("$out/list")];
    local $ENV{WITNESS_ROOT} = "$made/$case/";
    chomp(my @found = `$python tests/lib/dicom_witness.py $out/list $out 2>/dev/null`);
    is_deeply(\@found, $wanted, $case) or diag(join "\n", @found);
}

# The first value that each slice's table is for, its size, its ends as grey: linspace 0..255 over 40, 41
# and 42 entries, cut at 40; then 0..39 of 8 bits for all slices.
is_deeply($listed{voi_tables}[0]{tables}, [[-1000, 40, 0, 255], [-990, 40, 0, 248], [-980, 40, 0, 242]],
          'a VOI table for each slice');
is_deeply($listed{voi_table}[0]{tables}, [[-1000, 40, 0, 39]], 'one for all');

my $single = decode_json(scalar `$build/sammed2d info --json $made/single`)->{volumes};
my @spacing = map { [$_->{spacing_mm}->@[0, 1]] } @$single;
is_deeply(\@spacing, [[1, 1.5], [0.1, 0.2]], 'ratio of the pixels, spacing of the detector');

my @broken = `$build/dicom_volumes $made/broken_charsets`;
is($?, 0, 'broken character sets: no stop');
is(scalar(grep { my $line = $_; eval { decode_json($line)->{dim} } } @broken), 9, 'and what is shown is UTF-8');
`$build/sammed2d info $made/broken_charsets`;
is($?, 0, 'info shows it');
my $said = `$build/sammed2d info $made/charsets`;
like($said, qr/山田/, 'ISO 2022 IR 87');
like($said, qr/김희중/, 'ISO 2022 IR 149');
like($said, qr/王小东/, 'ISO 2022 IR 58');
`$build/sammed2d info $made/bombs/deflated 2>&1`;
is(status($?), 4, 'a bomb alone: corrupt');

# ---- a place that is not known, or not believed ----
sub info { my $said = decode_json(scalar `$build/sammed2d info --json @_`); return @$said{qw(volumes left_out)} }
my ($volumes) = info("$made/one_uid");
is($volumes->[0]{placed_by}, 'dicom', 'a series with positions: placed by them');
is_deeply($volumes->[0]{warnings}, [], 'and nothing to warn of');
($volumes) = info("$made/unplaced");
is($volumes->[0]{placed_by}, 'none', 'neither position nor orientation: placed by nothing');
is_deeply($volumes->[0]{warnings}, ["$made/unplaced/image has no position or orientation: it is taken to lie at the origin"],
          'with a warning');
($volumes) = info("$made/skew");
is_deeply([map { $_->{placed_by} } @$volumes], [('none') x 5], 'axes that are no unit vectors: the series falls apart');
is($volumes->[1]{warnings}[0], "$made/skew/s1 has the orientation \"1\\0\\0\\0\\0.99\\0\", where two unit vectors at "
   . 'right angles are expected: it is taken to lie at the origin, and as a volume of its own, like 4 others of its series',
   'and each of its slices says why');
($volumes, my $left_out) = info("$made/one_skew");
is($volumes->[0]{dim}[2], 4, 'one slice only');
like($left_out->[0]{reason}, qr/^the orientation "1\\0\\0\\0\\0\.99\\0", .*expected, unlike the rest of its series$/, 'is left out');

# ---- a slice that is lost at the end of a series leaves no gap: only a word tells ----
sub slices {
    my $folder = tempdir(CLEANUP => 1);
    my ($status, $said) = run("$build/sammed2d slice $made/$_[0] --series 1 -o $folder 2>&1");
    is($status, 0, "$_[0]: slices") or diag($said);
    return $said;
}
sub cut { truncate "$made/$_", -1 + -s "$made/$_" or die "$_: $!" for @_ }
like(slices('localizers'), qr/^(?!.*top).*left out, though it may be a slice: \S+side: another .*; voxel indices count without it\n(?!.*left out)/s,
     'what calls itself a localizer is not spoken of; what lies across the others may be one, or not');
like(slices('copies'), qr/^(?!.*a_short).*left out, though it may be a slice: \S+b_shorter: truncated: .*\n$/s,
     'of what series a damaged header was is not known; of a damaged copy nothing is lost');
like(slices('one_skew'), qr/left out, though it may be a slice: \S+ the orientation/, 'a slice that lies nowhere is');
cut('localizers/s4');
system("head -c 100 $made/localizers/s3 > $made/localizers/s5.dcm; rm $made/localizers/side");
like(slices('localizers'), qr/left out, though it may be a slice: \S+s5\.dcm: not DICOM/, 'and one of which not even the word DICM is left');
like(slices('localizers'), qr/left out, though it may be a slice: \S+s4: truncated: the pixel data ends 1 bytes? short/, 'the last slice, too');
cut(map { "image_types/$_" } '12', '02', '01', '00');
my $said_of = slices('image_types');
is(scalar(() = $said_of =~ /though it may be/g), 3, 'three are named') or diag($said_of);
like($said_of, qr/image_types: left out, though they may be slices: 1 more; sammed2d info lists them/, 'the rest is counted');
system("cp $made/image_types/00 $made/unsure/of_another_series");
unlike(slices('unsure'), qr/left out/, 'a damaged slice of another series is none of this one');

my $map = "$out/map.nii";
my $segment = "SAMMED2D_WEIGHTS=weights/default.h5 $build/sammed2d segment $made/unplaced";
`$segment -o $map --box a=4,4,0,20,16,0 2>&1`;
my $header = substr slurp($map), 0, 348;
is_deeply([unpack 's<2', substr $header, 252, 4], [0, 0], 'a label map of it: qform and sform say unknown');
is_deeply([map { sprintf '%g', $_ } unpack 'f<3', substr $header, 80, 12], [0.5, 0.75, 2.5], 'with the size of the voxels');
$said = `$segment -o $out/again.nii --mask $map 2>&1`;
is($?, 0, 'and is a mask for it, voxel for voxel') or diag($said);
for my $mm ("--space lps --point a=1,1,0", "--space ras --box a=-1,-1,0,1,1,0") {
    $said = `$segment -o $out/no.nii $mm 2>&1`;
    is(status($?), 1, "$mm: refused");
    like($said, qr/prompts of "a" are in millimetres of the patient, but where the input lies .* is not known/, 'and it says so');
}
`$build/sammed2d slice $made/unplaced --labels $map -o $out/slices 2>&1`;
is($?, 0, 'slice takes its labels');
done_testing;
