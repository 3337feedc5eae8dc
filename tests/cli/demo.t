#!/usr/bin/perl
# The demo runs, says where its results are, and they are right: judged by nibabel and numpy.
use strict;
use warnings;
use Test::More;

my $build = $ENV{BUILD} // 'build';
# Measured with the bootstrap model when the floors were set: 0.863, 0.814 and 0.851.
my %floor = (ct => 0.80, mr => 0.75, 'ct-dicom' => 0.78);

my @said = qx(BUILD=$build data/demo.sh 2>&1);
is($?, 0, 'the demo runs') or diag(@said);
my @means = map { /^\s*mean\s+([\d.]+)/ ? $1 : () } @said;
is(scalar @means, 3, 'it prints a mean Dice for each phantom');
for my $case (qw(ct mr)) {
    for my $file (map { "$build/demo/$case.$_" } qw(nii.gz json csv png)) {
        ok(-s $file, "$file is there");
    }
    like("@said", qr{\Q$build/demo/$case.png}, "the picture of $case is pointed at");
}

ok(-s "$build/demo/ct-dicom.dcm", 'the DICOM SEG is there');
like("@said", qr/dciodvfy on .*: 0 errors/, 'dciodvfy finds no error in it') if `sh -c 'command -v dciodvfy'`;

SKIP: {
    skip 'no Python with nibabel', 3 if system('tests/lib/python', '--there');
    for my $case (qw(ct mr ct-dicom)) {
        my $mean = shift @means // 'nan';
        my @lines = qx(tests/lib/python tests/lib/check_demo.py $build/demo $case $mean $floor{$case} 2>&1);
        is($?, 0, "$case: the judge came to an end") or diag(@lines);
        for (@lines) {
            /^(not )?ok \d+ - (.*)/ ? ok(!$1, $2) : note($_);
        }
    }
}
done_testing;
