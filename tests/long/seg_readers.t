#!/usr/bin/perl
# SEG with pixels that everyone can work out (tests/tools/write_seg.c), read by those who wrote the readers:
# highdicom, dcmjs, dcmqi (in @itk-wasm/dicom) and DCMTK. Each is fetched into a temporary folder, and what
# cannot be had is skipped.
use strict;
use warnings;
use File::Temp 'tempdir';
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $python = '/usr/bin/python3';
system("$python -c 'import pydicom, numpy' 2>/dev/null") == 0 or plan skip_all => 'pydicom is not installed';
my $dir = tempdir(CLEANUP => 1);
system("$python tests/lib/make_seg_series.py $dir") == 0 or die 'make_seg_series.py failed';
my @kinds = qw(binary fractional labelmap);
my @series = qw(eight odd tilted gap oblique enhanced);
for my $series (@series) {
    for my $kind (@kinds) {
        is(system("$build/tests/write_seg $dir/$series $dir/$series-$kind.dcm $kind 3 liver 'left kidney' thing > /dev/null"),
            0, "$series: $kind written");
    }
}

SKIP: {
    my $venv = "$dir/venv";
    my $said = `(python3 -m venv $venv && timeout 600 $venv/bin/pip install -q highdicom) 2>&1`;
    skip "highdicom cannot be had: $said", 1 if $?;
    my $codes = "liver; 10200004 SCT Liver\nleft kidney; 64033007 SCT Kidney; 7771000 Left\n" .
        "thing; 123037004 SCT Anatomical Structure\n";
    for my $series (@series) {
        for my $kind (@kinds) {
            is(`$venv/bin/python -W ignore tests/lib/seg_highdicom.py $dir/$series-$kind.dcm $dir/$series 3 2>&1`, $codes,
                "highdicom: $series, $kind");
        }
    }
}

SKIP: {
    my $said = `sh -c 'command -v npm node' 2>&1`;
    skip 'npm is not installed', 1 if $?;
    mkdir "$dir/npm";
    $said = `cd $dir/npm && timeout 600 npm install --silent dcmjs\@0.52.2 \@itk-wasm/dicom\@7.6.4 2>&1`;
    skip "dcmjs and \@itk-wasm/dicom cannot be had: $said", 1 if $?;
    my $modules = "$dir/npm/node_modules";
    my $labels = "liver, left kidney, thing\n";
    for my $kind (@kinds) {
        # dcmqi knows no label maps, and paints FRACTIONAL values.
        my $itk = $kind eq 'binary' ? 'itk' : '';
        my $dcmqi = $itk ? "dcmqi: 48x64x4 at -10.5,-20.25,0 step 1.5,1.25,2.5\ndcmqi: 10200004, 64033007, 123037004\n" : '';
        is(`node tests/lib/seg_dcmjs.mjs $modules $dir/eight-$kind.dcm 3 $itk 2>&1`, "$labels$dcmqi",
            'dcmjs' . ($itk ? ' and dcmqi' : '') . ": $kind");
    }
}

SKIP: {
    my $said = `c++ -O1 -std=c++17 tests/lib/seg_dcmseg.cc -ldcmseg -ldcmfg -ldcmiod -ldcmdata -loflog -lofstd -o $dir/dcmseg 2>&1`;
    skip "DCMTK's reader cannot be built: $said", 1 if $?;
    # Each of three objects has a fourth of every frame.
    my $counts = join '', map { "$_ 768\n" x 4 } 1 .. 3;
    is(`$dir/dcmseg $dir/eight-$_.dcm 64 48 2>&1`, $counts, "DCMTK: $_") for qw(binary fractional);
}
done_testing;
