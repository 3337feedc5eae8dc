#!/usr/bin/perl
# sammed2d slice where an earlier run was, and what it ends with where a case is not whole.
use strict;
use warnings;
use File::Temp 'tempdir';
use Test::More;

my $program = ($ENV{BUILD} // 'build') . '/sammed2d';
my $dir = tempdir(CLEANUP => 1);

sub slice { my $said = `$program slice @_ --threads 1 2>&1`; return ($? >> 8, $said) }

# ---- a run that came to nothing ----
my $image = 'data/ct/image.nii.gz';
my ($status, $said) = slice("$image -o $dir/a --slices 900-950/2");
is($status, 2, 'no such slices');
like($said, qr/no slice was chosen/, '... is said');
($status, $said) = slice("$image -o $dir/a --slices 2-10/4");
is($status, 0, '... and is nothing to go on with') or diag $said;
is(scalar(() = glob "$dir/a/*.png"), 3, '... the pictures are there');
for (['', 'all'], ['--slices 5-/2', '"5-/2"'], ['--slices 3', '"3-3/1"']) {
    my ($options, $name) = @$_;
    ($status, $said) = slice("$image -o $dir/a $options");
    is($status, 1, "other slices: $name");
    like($said, qr/another "slices" \("2-10\/4"\) than this run \(\Q$name\E\)/, '... are named as one gives them');
}
($status, $said) = slice("--data data/ct -o $dir/a");
is($status, 1, 'plain pictures are in the way of a data set too');

# ---- cases whose files are missing ----
sub put { my ($name, $text) = @_; open my $file, '>', $name or die "$name: $!"; print $file $text; close $file }
sub set_of {    # images/ and labels/ of these names
    my ($name, $images, $labels) = @_;
    mkdir "$dir/$name$_" for '', '/images', '/labels';
    symlink "$ENV{PWD}/data/ct/image.nii.gz", "$dir/$name/images/$_.nii.gz" for @$images;
    symlink "$ENV{PWD}/data/ct/truth.nii.gz", "$dir/$name/labels/$_.nii.gz" for @$labels;
    return "$dir/$name";
}
my $msd = set_of('msd', ['a'], ['a']);
put("$msd/dataset.json", '{"labels": {"1": "one"}, "training": [{"image": "images/a.nii.gz", "label": "labels/a.nii.gz"}, '
    . '{"image": "images/gone.nii.gz", "label": "labels/gone.nii.gz"}]}');
my %lacks = ($msd => qr/images\/gone/, set_of('image', ['a'], ['a', 'b']) => qr/b \(looked for \S+image\/images\)/,
             set_of('label', ['a', 'b'], ['a']) => qr/b \(looked for \S+label\/labels\)/);
my $eval = "$program eval --every-nth 40 --prompts box --limit 1 --zoom no --mirrors no --threads 1";
for my $set (sort keys %lacks) {
    ($status, $said) = slice("--data $set -o $set.out --slices 20");
    is($status, 3, 'a file is missing: slice') or diag $said;
    like($said, qr/warning: \Q$set\E: a file is not there: $lacks{$set}/, '... says which');
    $said = `$eval --data $set 2>&1`;
    is($? >> 8, 3, '... eval') or diag $said;
    like($said, qr/^sammed2d eval: 1 case or file was left out, see the warnings/m, '... says so');
}
is((slice('--data ' . set_of('whole', ['a'], ['a']) . " -o $dir/whole.out --slices 20"))[0], 0, 'nothing is missing');

done_testing;
