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
is(`cd $dir/a && cat images/* masks/* | cksum`, `cd $dir/b && cat images/* masks/* | cksum`, '... the same bytes');
is((slice("--synthetic 8 --seed 6 -o $dir/c"))[0], 0, 'another series');
isnt(`cd $dir/a && cat images/* | cksum`, `cd $dir/c && cat images/* | cksum`, '... is another');
($status, $said) = slice("--synthetic 8 --seed 6 -o $dir/a");
is($status, 1, 'a folder of other pictures is refused');
($status, $said) = slice("--synthetic 3 --data data/ct -o $dir/d");
is($status, 1, 'one source only');
($status, $said) = slice("--synthetic -3 -o $dir/d");
is($status, 1, 'a number below 1');
my $listed = `$program eval --data $dir/a --prompts box --limit 5 -q --json`;
like($listed, qr/"objects": 5/, 'eval reads them');
done_testing;
