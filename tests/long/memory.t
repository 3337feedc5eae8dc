#!/usr/bin/perl
# The memory that `segment` takes on a large CT with a full-size network: weights, volume, labels and 200 MB.
use strict;
use warnings;
use File::Temp 'tempdir';
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $dir = tempdir(CLEANUP => 1);
my @dim = (512, 512, 300);
my @weights = (['as PyTorch has it', "$dir/vit.h5"], ['packed', "$dir/packed.h5"], ['the bundled model', 'weights/default.h5']);

plan skip_all => 'built with a sanitizer' if `nm $build/sammed2d 2>/dev/null` =~ /__asan_init/;
is(system("$build/tests/write_ct", @dim, "$dir/ct.nii.gz"), 0, 'a CT');
is(system("$build/tests/write_vit", 'vit_b', 256, "$dir/vit.h5"), 0, 'ViT-B');
is(system("$build/sammed2d convert -q $dir/vit.h5 -o $dir/vit.pth && "
    . "$build/sammed2d convert -q $dir/vit.pth --kind sam-med2d --packed -o $dir/packed.h5"), 0, 'and packed');

# MB that were resident at most, mapped pages of the weights file among them.
sub peak {
    my @words = @_;
    my ($most, $child) = (0, fork // die);
    exec @words or die if !$child;
    while (waitpid($child, 1) == 0) {    # WNOHANG
        if (open my $status, '<', "/proc/$child/status") {
            /^VmHWM:\s+(\d+)/ and $1 > $most and $most = $1 while <$status>;
        }
        select undef, undef, undef, 0.02;
    }
    is($?, 0, 'it segments');
    return $most / 1024;
}

for (@weights) {
    my ($name, $file) = @$_;
    # A slice's embedding is kept while an object may still be carried to it.
    my $most = peak("$build/sammed2d", 'segment', "$dir/ct.nii.gz", '-w', $file, '-q', '-o', "$dir/labels.nii.gz",
        '--box', 'liver=90,150,140,250,330,155', '--propagate', 'both', '--stats', "$dir/stats.csv");
    my $volume = $dim[0] * $dim[1] * $dim[2] * 2 / 2**20;
    my $allowed = (-s $file) / 2**20 + 2 * $volume + 200;
    cmp_ok($most, '<=', $allowed, "$name: at most weights, volume, labels and 200 MB") or diag sprintf '%.0f MB', $most;
    note sprintf '%s: %.0f MB of %.0f', $name, $most, $allowed;
}
done_testing;
