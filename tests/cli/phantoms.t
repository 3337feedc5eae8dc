#!/usr/bin/perl
# data/ is what the generator makes, whatever the number of threads, and its prompts fit its truth.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use Run;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $dir = tempdir(CLEANUP => 1);
my @prompts = qw(prompts.json box3d.json middle.json points.json);
my @files = map { my $case = $_; map { "$case/$_" } qw(image.nii.gz truth.nii.gz labels.json), @prompts } qw(ct mr);
push @files, map { "ct-dicom/$_" } 'truth.nii.gz', 'labels.json', @prompts, map { sprintf 'series/slice%02d.dcm', $_ } 1 .. 20;

sub content {
    my ($path) = @_;
    open my $in, '-|', $path =~ /\.gz$/ ? ('gzip', '-dc', $path) : ('cat', $path) or die;
    binmode $in;
    local $/;
    return <$in> // '';
}

for my $threads (1, 3) {
    mkdir "$dir/$threads";
    is(system("OMP_NUM_THREADS=$threads $build/make_phantoms $dir/$threads"), 0, "made with $threads thread(s)");
}
for my $file (@files) {
    my $made = content("$dir/1/$file");
    ok(length $made > 100 && $made eq content("data/$file"), "$file is as in data/");
    is(system('cmp', '-s', "$dir/1/$file", "$dir/3/$file"), 0, "$file does not depend on threads");
}
is(status(system("$build/make_phantoms $dir/absent 2>$dir/said")), 7, 'a folder that is not there is an error');
like(content("$dir/said"), qr/absent/, 'which is named');

SKIP: {
    skip 'no Python with nibabel', 2 if system('tests/lib/python', '--there');
    for my $case (qw(ct mr)) {
        my $said = qx(tests/lib/python tests/lib/check_phantom.py data/$case 2>&1);
        ok($? == 0, "$case: geometry, truth and prompts agree") or diag($said);
    }
}
done_testing;
