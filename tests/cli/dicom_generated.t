#!/usr/bin/perl
# Small made DICOM series, read by sammed2d and by pydicom: what is found, refused and left out.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use Run;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $python = '/usr/bin/python3';
system("$python -c 'import pydicom' 2>/dev/null") == 0 or plan skip_all => 'pydicom is not installed';
my $made = tempdir(CLEANUP => 1);
system("$python tests/lib/make_dicom.py $made") == 0 or die "make_dicom.py failed";

# Volumes are listed first, in the order of sammed2d info; then what was left out.
my @cases = (
    plain => ['read 8x6x4 int16'],
    phases => ['read 8x6x3 int16 | acquisition 1', 'read 8x6x3 int16 | acquisition 2'],
    missing => ['read 8x6x4 int16 gaps=1'],
    interleaved => ['read 8x6x4 int16 | acquisition 0', 'read 8x6x4 int16 | acquisition 1'],
    types => [map { "read 8x6x1 $_" } qw(uint8 uint16 uint32 int32 float32 float64)],
    refused => ['refused 4x4x3 uint8 | cine or multi-frame image without positions of its frames',
                'refused 8x6x1 uint8 | palette colour image; only grey images are read',
                'refused 8x6x1 uint8 | colour image (RGB); only grey images are read'],
    inverted => ['read 8x6x1 uint16'],
    captures => ['read 8x6x1 int16', '- note.txt | not DICOM',
                 '- short | truncated: the pixel data ends 10 bytes short',
                 '- shot | secondary capture without geometry'],
    medium => ['read 8x6x2 int16',
               '- ../OUT/X/IM000000 | listed in DICOMDIR but outside its folder: not opened',
               '- DICOMDIR | not an image: DICOMDIR', '- 1 files | listed in DICOMDIR but not there'],
);
while (my ($case, $wanted) = splice @cases, 0, 2) {
    my $out = tempdir(CLEANUP => 1);
    system("$build/dicom_volumes -o $out $made/$case > $out/list") == 0 or diag("$case: $?");
    local $ENV{WITNESS_ROOT} = "$made/$case/";
    chomp(my @found = `$python tests/lib/dicom_witness.py $out/list $out`);
    is_deeply(\@found, $wanted, $case);
}

sub volumes { return scalar grep { /"dim"/ } `$build/dicom_volumes @_` }
is(volumes("$made/medium/DICOMDIR"), 1, 'a DICOMDIR stands for its folder');
for my $named ("$made/medium/DICOMDIR", "$made/medium") {
    my $listed = `$build/sammed2d info $named`;
    is(scalar(() = $listed =~ /listed in .*DICOMDIR but/g), 2, "info $named: entries that dangle or lead out are named");
    is(scalar(() = $listed =~ /^ *\d+  DICOM/mg), 1, '... and the volume is there once');
}
is(volumes("$made/zipped/study.zip"), 1, 'a zip archive is read');
ok(!-e "$made/0" && !-e "$made/zipped/0", 'and nothing of it is written');
my $zip = tempdir(CLEANUP => 1);
my $plain = tempdir(CLEANUP => 1);
system("$build/dicom_volumes -o $zip $made/zipped/study.zip > /dev/null");
system("$build/dicom_volumes -o $plain $made/unzipped > /dev/null");
is(system("cmp -s $zip/1.raw $plain/1.raw"), 0, 'with the same voxels as its files');

my $said = `$build/sammed2d info --json $made/missing`;
is($?, 0, 'info: exit status');
like($said, qr/"after": 1,\s*"step_mm": 5\.0/, 'info names the gap');
$said = `$build/sammed2d info $made/phases`;
like($said, qr/acquisition 2/, 'info says what tells two volumes apart');
`$build/sammed2d info $made/refused 2>&1`;
is(status($?), 5, 'nothing readable: unsupported');
`$build/sammed2d info $made/captures/short 2>&1`;
is(status($?), 4, 'a truncated file alone: corrupt');
$said = `$build/sammed2d segment $made/phases -o $plain/o.nii.gz --box a=0,0,0,3,3,1 2>&1`;
is(status($?), 1, 'two volumes and no choice: usage');
like($said, qr/--series.*acquisition 1.*acquisition 2/, 'with the candidates');
done_testing;
