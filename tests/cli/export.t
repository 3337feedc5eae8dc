#!/usr/bin/perl
# convert W.h5 -o W.pth: what is written reads back as the same tensors, and nothing is left over when it fails.
# tests/long/export.t asks torch.load itself.
use strict;
use warnings;
use File::Temp 'tempdir';
use Test::More tests => 9;

my $program = ($ENV{BUILD} // 'build') . '/sammed2d';
my $dir = tempdir(CLEANUP => 1);
sub slurp { my ($path) = @_; open my $file, '<:raw', $path or return ''; local $/; return <$file> }
sub run { my ($options) = @_; my $out = qx($program convert $options 2>&1); return ($? >> 8, $out) }
# Numbers of the tensors, which `weights` sums up.
sub said { my ($path) = @_; return join '', grep { /parameters|tensors|encoder|decoder/ } map { s/, stored as.*//r } qx($program weights $path) }

my ($status, $out) = run("weights/default.h5 -o $dir/a.pth");
is($status, 0, 'a weights file becomes a state dict') or diag $out;
like(slurp("$dir/a.pth"), qr/^PK\x03\x04/, 'a zip archive');
run("weights/default.h5 -o $dir/b.pth");
ok(slurp("$dir/a.pth") eq slurp("$dir/b.pth"), 'the same bytes twice');
($status, $out) = run("$dir/a.pth -o $dir/back.h5");
is($status, 0, 'and is read again') or diag $out;
is(said("$dir/back.h5"), said('weights/default.h5'), 'with all its tensors');
run("$dir/back.h5 -o $dir/c.pth");
ok(slurp("$dir/a.pth") eq slurp("$dir/c.pth"), 'whose values are the same');
($status, $out) = run("weights/default.h5 --dtype float16 -o $dir/d.pth");
is($status, 1, 'options of the other direction are refused');
($status, $out) = run("README.md -o $dir/e.pth");
is($status, 6, 'and so is what is no weights file');
opendir(my $handle, $dir) or die;
is(join(' ', sort grep { !/^\./ } readdir $handle), 'a.pth b.pth back.h5 c.pth', 'nothing is left over');
