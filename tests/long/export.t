#!/usr/bin/perl
# What `convert W.h5 -o W.pth` writes, as PyTorch itself reads it, tensor for tensor beside h5py's reading of W.h5.
use strict;
use warnings;
use File::Temp 'tempdir';
use Test::More;

my $program = ($ENV{BUILD} // 'build') . '/sammed2d';
my $python = qx(tests/lib/find-python torch h5py);
chomp $python;
plan skip_all => 'no Python with torch and h5py (Debian: python3-torch python3-h5py)' unless $python;
plan tests => 4;
my $dir = tempdir(CLEANUP => 1);
is(system("$program convert -q weights/default.h5 -o $dir/w.pth"), 0, 'the bundled model');
is(system($python, 'tests/lib/same_tensors.py', "$dir/w.pth", 'weights/default.h5'), 0, 'torch.load reads it, and every tensor is the same');
my $train = "train --new tiny --image-size 64 --synthetic 1 --steps 2 --rounds 1 --masks 1 -q";
is(system("$program $train -o $dir/t.h5 && $program convert -q $dir/t.state.h5 -o $dir/t.pth"), 0, 'the state of a training run');
is(system($python, 'tests/lib/same_tensors.py', "$dir/t.pth", "$dir/t.state.h5"), 0, 'its tensors without the optimiser');
