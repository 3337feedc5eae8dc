#!/usr/bin/perl
# Generated pictures as a data set: what was asked for, twice the same, another with another seed.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use Run;
use Test::More;

my $program = ($ENV{BUILD} // 'build') . '/sammed2d';
my $dir = tempdir(CLEANUP => 1);

sub slice { return run("$program slice @_ 2>&1") }

my ($status, $said) = slice("--synthetic 8 --seed 5 -o $dir/a");
is($status, 0, 'eight pictures');
like($said, qr/8 images and \d+ masks of 8 cases/, '... and said');
my @images = glob "$dir/a/images/synthetic_5_*.png";
is(scalar @images, 8, '... are there');
my @masks = glob "$dir/a/masks/*.png";
cmp_ok(scalar @masks, '>=', 8, '... each with an object');
is((slice("--synthetic 8 --seed 5 -o $dir/b"))[0], 0, 'again');
sub bytes { my ($folder, @of) = @_; return join '', map { slurp($_) } map { glob "$dir/$folder/$_/*" } @of }
ok(bytes('a', 'images', 'masks') eq bytes('b', 'images', 'masks') && bytes('a', 'images') ne '', '... the same bytes');
is((slice("--synthetic 8 --seed 6 -o $dir/c"))[0], 0, 'another series');
ok(bytes('a', 'images') ne bytes('c', 'images'), '... is another');
($status, $said) = slice("--synthetic 8 --seed 6 -o $dir/a");
is($status, 1, 'a folder of other pictures is refused');
($status, $said) = slice("--synthetic 3 --data data/ct -o $dir/d");
is($status, 1, 'one source only');
($status, $said) = slice("--synthetic -3 -o $dir/d");
is($status, 1, 'a number below 1');
my $listed = `$program eval --data $dir/a --prompts box --limit 5 -q --json`;
like($listed, qr/"objects": 5/, 'eval reads them');
done_testing;
