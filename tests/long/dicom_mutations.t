#!/usr/bin/perl
# 2,000 damaged DICOM files: cut at every 1 % of their length, and with random bytes changed. Each is read as
# a study and as a mask under AddressSanitizer and UBSan (a build of its own, made here) and by the plain
# build: no crash, no more than 5 s, no more memory than 4 times the file and 256 MB (plain build), nothing
# read from a cut file without a word. Some go through the program too.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use Run;
use Test::More;
use Time::HiRes 'time';

my $build = $ENV{BUILD} // 'build';
my $data = '../shared/data';
-d "$data/dicom" or plan skip_all => '../shared is not there';
my @files = map { my @found = glob "$data/$_"; $found[0] } (
    'dicom/ct_missing_slice/*', 'dicom/odd_tags/CT_small.dcm', 'dicom/ts_small_mr/MR_small_RLE.dcm',
    'dicom/ts_small_mr/MR_small_bigendian.dcm', 'dicom/ts_small_mr/MR_small_jp2klossless.dcm',
    'dicom/ts_small_mr/MR_small_jpeg_ls_lossless.dcm', 'dicom/series_jpeg_lossless/*', 'dicom/enh_mr_siemens/*',
    'dicom/ts_deflated/*.dcm', 'dicom/mr_mosaic_ep2d/*', 'dicom/junk_mixed/rtstruct.dcm',
    'seg/dcmqi_ct3slice/seg_liver.dcm', 'seg/dcmqi_ct3slice/seg_partial_overlaps.dcm',
    'seg/dcmqi_24x38x3/*.dcm', 'seg/highdicom_ct/seg_fractional.dcm', 'seg/pydicom_seg_rle/liver_rle.dcm');
@files = grep { defined && -f } @files;
my $flips = 1 + int(2000 / @files - 100);
cmp_ok(scalar @files, '>=', 13, scalar(@files) . " files, each cut 99 times and changed $flips times");

local $ENV{OMP_NUM_THREADS} = 1;
local $ENV{ASAN_OPTIONS} = 'allocator_may_return_null=1:detect_leaks=0';
my $keep = tempdir(CLEANUP => 1);

sub damaged {
    my ($where, $name) = @_;
    my @said = `$where/tests/mutate_dicom 20261127 $flips $keep @files 2>&1`;
    is($?, 0, "$name: all tried");
    my ($copies) = (pop @said // '') =~ /^(\d+) copies: (?:.*)$/;
    cmp_ok($copies // 0, '>=', 2000, "$name: $copies copies");
    is_deeply([grep { /^(crash|slow|memory|silent):/ } @said], [], "$name: no finding")
        or diag(grep { !/^\s+#/ } @said[0 .. ($#said < 40 ? $#said : 40)]);
}
damaged($build, 'plain');

my $asan = "$build-asan";
SKIP: {
    system("make -j2 SANITIZE=address,undefined BUILD=$asan $asan/tests/mutate_dicom > /dev/null 2>&1") == 0
        or skip 'the sanitizers cannot be built with', 3;
    damaged($asan, 'sanitized');
}

my (%status, @slow);
for my $path (sort glob "$keep/*.dcm") {
    for my $command ("info --json $path", "segment -q $path --mask $path -o $keep/o.nii.gz",
                     "segment -q $path --box a=1,1,0,9,9,0 -o $keep/o.nii.gz") {
        my $start = time;
        system("$build/sammed2d $command > $keep/said 2>&1");
        push @slow, $command if time - $start > 60;    # against hanging; the network may take its time
        $status{status($?)}++;
    }
}
diag(join ', ', map { "status $_: $status{$_}" } sort keys %status);
is_deeply([grep { !/^[0-5]$/ } sort keys %status], [], 'the program: exit statuses 0 to 5 only');
is_deeply(\@slow, [], 'and no hanging');
done_testing;
