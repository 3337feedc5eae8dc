#!/usr/bin/perl
# Slices are segmented side by side: that changes no bit of what comes out, and what goes wrong in one of the threads
# is said once.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use JSON::PP;
use Run;
use Test::More;

my $program = ($ENV{BUILD} // 'build') . '/sammed2d';
my $dir = tempdir(CLEANUP => 1);
my $outputs = 0;
my $dozen = '--propagate none --box liver=31,20,12,98,77,23 --box spleen=80,60,14,110,90,20';    # 12 slices: for 2, 3 and 4 threads

# What a run leaves: label map, probabilities, figures, and how many slices it said were encoded.
sub results {
    my ($options) = @_;
    my $name = "$dir/" . ++$outputs;
    my $json = qx($program segment data/ct/image.nii.gz -q --json -o $name.nii --probabilities $name-p.nii --stats $name.csv $options);
    ok($? == 0 || $? == 3 << 8, "segments with $options") or return;
    my $said = decode_json($json);
    return {map({$_ => slurp("$name$_")} '.nii', '-p.nii', '.csv'), objects => $said->{objects}};
}

my $alone = results("$dozen --threads 1");
is_deeply(results("$dozen --threads $_"), $alone, "... as with one thread") for 2 .. 4;

# 11 slices: three are left for both, or all three, threads together.
(my $odd = $dozen) =~ s/,23 /,22 /;
for my $options ("$odd --threads 2", "$odd --threads 4", '--point liver=60,50,18 --threads 2', '--box liver=31,20,12,98,77,23 --propagate both --threads 2') {
    is_deeply(results($options), results($options), '... and twice the same');
}

# Compressed by several threads: the same bytes whatever their number, and gzip's own reading of them is the .nii.
my @packed = map {
    my $name = "$dir/packed-$_";
    system "$program segment data/ct/image.nii.gz -q $dozen --threads $_ -o $name.nii.gz --probabilities $name-p.nii.gz";
    [slurp("$name.nii.gz"), slurp("$name-p.nii.gz")];
} 1 .. 3;
is_deeply($packed[$_], $packed[0], "packed by $_ threads more") for 1, 2;
ok(qx(gzip -dc $dir/packed-2.nii.gz) eq $alone->{'.nii'}, 'label map as gzip unpacks it');
ok(qx(gzip -dc $dir/packed-2-p.nii.gz) eq $alone->{'-p.nii'}, '... and probabilities');

# OpenMP may be told to give fewer threads than asked for, for which OpenBLAS would wait.
is(system("timeout -k 5 120 env OMP_DYNAMIC=true $program segment data/ct/image.nii.gz -q $dozen --threads 2 -o $dir/dynamic.nii"), 0,
   'OMP_DYNAMIC: no hang');
is(slurp("$dir/dynamic.nii"), $alone->{'.nii'}, '... and the same labels');

# OpenBLAS has only slow kernels for a processor newer than itself, unless it is told which to take.
SKIP: {
    skip 'this processor has no AVX2', 2 if !-e '/proc/cpuinfo' || slurp('/proc/cpuinfo') !~ /\bavx2\b.*\bfma\b|\bfma\b.*\bavx2\b/;
    my $core = 'env -u OPENBLAS_CORETYPE';
    unlike(qx($core $program --version), qr/\(\w+, (?:Prescott|Core2|Nehalem|Sandybridge|Barcelona)\)/, 'no kernels from before AVX2');
    like(qx(OPENBLAS_CORETYPE=Nehalem $program --version), qr/\(\w+, Nehalem\)/, '... but for a user who wants them');
}

like(qx($program --version), qr/^  DCMTK \d+\.\S+, OpenJPEG \d+\.\S+$/m, '--version knows the libraries of src/dicom too');

# Embeddings are kept by several threads, and all are found again.
my $kept = "--embeddings $dir/kept.h5 --threads 3";
is_deeply(results("$dozen $kept"), $alone, '... as without keeping embeddings');
is_deeply(results("$dozen $kept"), $alone, '... nor with those of earlier');
unlink "$dir/kept.h5";

# A damaged encoder, looked at by the first thread that needs it.
my $weights = slurp('weights/default.h5');
substr($weights, int(length($weights) / 2) + $_, 1) = "\xff" for 0 .. 63;
spew("$dir/nan.h5", $weights);
for my $options ('', "--embeddings $dir/kept.h5") {
    my $said = qx($program segment data/ct/image.nii.gz -q -w $dir/nan.h5 -o $dir/nan.nii $dozen --threads 2 $options 2>&1);
    is(status($?), 6, "NaN among the weights $options");
    is(() = $said =~ /infinities or NaN/g, 1, '... is said once') or diag $said;
    ok(!-e "$dir/nan.nii", '... and nothing is written');
}
done_testing;
