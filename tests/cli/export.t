#!/usr/bin/perl
# convert W.h5 -o W.pth: what is written reads back as the same tensors, and nothing is left over when it fails.
# tests/long/export.t asks torch.load itself.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use Run;
use Test::More tests => 19;

my $program = ($ENV{BUILD} // 'build') . '/sammed2d';
my $dir = tempdir(CLEANUP => 1);
sub convert { return run("$program convert @_ 2>&1") }
# Numbers of the tensors, which `weights` sums up.
sub said {
    my ($path) = @_;
    my ($status, $out, $err) = run("$program weights $path");
    is("$status$err", '0', "$path is described");
    return join '', grep { /parameters|tensors|encoder|decoder/ } map { s/, stored as.*//r } split /^/, $out;
}

my ($status, $out) = convert("weights/default.h5 -o $dir/a.pth");
is($status, 0, 'a weights file becomes a state dict') or diag $out;
like(slurp("$dir/a.pth"), qr/^PK\x03\x04/, 'a zip archive');
convert("weights/default.h5 -o $dir/b.pth");
ok(slurp("$dir/a.pth") eq slurp("$dir/b.pth"), 'the same bytes twice');
($status, $out) = convert("$dir/a.pth -o $dir/back.h5");
is($status, 0, 'and is read again') or diag $out;
is(said("$dir/back.h5"), said('weights/default.h5'), 'with all its tensors');
convert("$dir/back.h5 -o $dir/c.pth");
ok(slurp("$dir/a.pth") eq slurp("$dir/c.pth"), 'whose values are the same');

# ---- convolutions in the order they are computed in ----
($status, $out) = convert("$dir/a.pth -o $dir/packed.h5 --packed");
is($status, 0, 'a packed weights file') or diag $out;
is(said("$dir/packed.h5"), said('weights/default.h5'), 'has the same tensors and shapes');
convert("$dir/packed.h5 -o $dir/f.pth");
ok(slurp("$dir/a.pth") eq slurp("$dir/f.pth"), 'and becomes the same state dict');
my @how = ('segment data/ct/image.nii.gz --propagate none --box liver=31,20,14,98,77,15');
for my $kind ('back', 'packed') {
    is(system("$program @how -w $dir/$kind.h5 -o $dir/$kind.nii --stats $dir/$kind.csv"), 0, "segments: $kind");
}
ok(slurp("$dir/back.nii") . slurp("$dir/back.csv") eq slurp("$dir/packed.nii") . slurp("$dir/packed.csv"), 'and gives the same masks');
unlink map { "$dir/$_" } qw(packed.h5 f.pth back.nii back.json back.csv packed.nii packed.json packed.csv);

($status, $out) = convert("weights/default.h5 --dtype float16 -o $dir/d.pth");
is($status, 1, 'options of the other direction are refused');
($status, $out) = convert("README.md -o $dir/e.pth");
is($status, 6, 'and so is what is no weights file');
opendir(my $handle, $dir) or die;
is(join(' ', sort grep { !/^\./ } readdir $handle), 'a.pth b.pth back.h5 c.pth', 'nothing is left over');
