#!/usr/bin/perl
# What eval says of a box is what segment does with it, asked by hand: the same Dice, with the bundled model's second look
# and mirror images and without. Boxes are made here, from the truth, and so is Dice.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use JSON::PP;
use Run;
use SmallNifti;
use Test::More;

my $program = ($ENV{BUILD} // 'build') . '/sammed2d';
my $dir = tempdir(CLEANUP => 1);
$ENV{SAMMED2D_WEIGHTS} = 'weights/default.h5';

# A crescent on slice 1 and a leaning bar on slice 3, which stand out little and have a neighbour as bright as they are. Both
# are small beside the slice, as the second look would show nothing new otherwise. Voxels go from left to right and from back to
# front, so the network is shown them the other way round.
my @dim = (120, 90, 5);
my %inside = (
    1 => sub { my ($x, $y) = @_; (($x - 40) / 14)**2 + (($y - 35) / 11)**2 < 1 && (($x - 47) / 8)**2 + (($y - 32) / 7)**2 >= 1 },
    3 => sub { my ($x, $y) = @_; my $along = 0.8 * ($x - 75) + 0.6 * ($y - 50); my $across = 0.6 * ($x - 75) - 0.8 * ($y - 50);
               abs $along < 13 && abs $across < 4.5 },
);
my %near = (1 => [58, 40], 3 => [62, 60]);
my (@image, @truth);
for my $k (0 .. $dim[2] - 1) {
    for my $j (0 .. $dim[1] - 1) {
        for my $i (0 .. $dim[0] - 1) {
            my $in = $inside{$k} && $inside{$k}->($i, $j) ? 1 : 0;
            my $beside = $near{$k} && ($i - $near{$k}[0])**2 + ($j - $near{$k}[1])**2 < 40;
            push @truth, $in;
            push @image, 100 + $i + ($i * 7919 + $j * 104729 + $k * 1299709) % 61 + ($in || $beside ? 70 : 0);
        }
    }
}
my @sform = ([1.5, 0, 0, -90], [0, 1.5, 0, -60], [0, 0, 6, 10]);
mkdir "$dir/case";
write_nifti("$dir/case/image.nii", \@dim, \@sform, \@image);
write_nifti("$dir/case/truth.nii", \@dim, \@sform, \@truth);
spew("$dir/case/labels.json", encode_json({image => 'image.nii', label => 'truth.nii', labels => {1 => 'thing'}}));

# First and last voxel along i and j of the truth on slice k.
my $slice = $dim[0] * $dim[1];
sub box_of {
    my ($k) = @_;
    my @there = grep { $truth[$k * $slice + $_] } 0 .. $slice - 1;
    my @i = sort { $a <=> $b } map { $_ % $dim[0] } @there;
    my @j = sort { $a <=> $b } map { int $_ / $dim[0] } @there;
    return "$i[0],$j[0],$k,$i[-1],$j[-1],$k";
}

sub dice {
    my ($k, @found) = @_;
    my ($both, $all) = (0, 0);
    for ($k * $slice .. ($k + 1) * $slice - 1) {
        $both += $truth[$_] && $found[$_];
        $all += $truth[$_] + $found[$_];
    }
    return 2 * $both / $all;
}

my %means;
for my $how ('', '--zoom no --mirrors no', '--zoom no', '--mirrors no') {
    my $what = $how || 'as the model has it';
    my ($status, $out, $err) = run("$program eval --data $dir/case --prompts box $how --objects $dir/objects.csv --json --threads 1");
    is("$status$err", '0', "eval, $what");
    my $told = decode_json($out);
    is($told->{objects}, 2, '... both objects');
    my ($head, @rows) = map { chomp; [split /,/] } split /^/, slurp("$dir/objects.csv");
    my %row = map { my %cell; @cell{@$head} = @$_; $cell{prompt} eq 'box' ? ($cell{slice} => \%cell) : () } @rows;
    my $boxes = join ' ', map { "--box thing=$_" } map { box_of($_) } sort keys %inside;
    ($status, $out, $err) = run("$program segment $dir/case/image.nii --propagate none $boxes $how -o $dir/found.nii --threads 1");
    is("$status$err", '0', "segment, $what");
    my @found = read_labels("$dir/found.nii");
    my %dice = map { $_ => dice($_, @found) } sort keys %inside;
    cmp_ok(abs($dice{$_} - $row{$_}{dice}), '<', 1e-6, "... slice $_: Dice $dice{$_}, as eval says") for sort keys %dice;
    $means{$how} = ($dice{1} + $dice{3}) / 2;
    cmp_ok(abs($means{$how} - $told->{prompts}{box}{dice}), '<', 1e-9, '... and so is the mean');
    cmp_ok($means{$how}, '>', 0.5, '... of objects that were found');
    ($status, $out, $err) = run("$program compare $dir/found.nii $dir/case/truth.nii --json --no-distances");
    is($status, 0, "compare, $what") or diag($err);
    my $both = grep { $truth[$_] && $found[$_] } 0 .. $#truth;
    is(decode_json($out)->{labels}{1}{voxels_both}, $both, '... finds the same voxels right');
}
my %different = map { $_ => 1 } values %means;
is(scalar keys %different, 4, 'each way has an answer of its own') or diag(explain(\%means));
done_testing;
