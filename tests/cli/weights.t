#!/usr/bin/perl
# sammed2d weights: describes, verifies, and takes damaged and foreign files for what they are.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd 'abs_path';
use File::Temp 'tempdir';
use JSON::PP;
use Run;
use Test::More;

my $program = abs_path(($ENV{BUILD} // 'build') . '/sammed2d');
my $maker = abs_path('tests/lib/make_pth.pl');
my $default = abs_path('weights/default.h5');
my $data = abs_path('data/ct');
my $dir = tempdir(CLEANUP => 1);
chdir $dir or die;

sub sammed2d { return run("$program @_") }

my ($status, $out, $err) = sammed2d("weights --json $default");
is($status, 0, 'the default model is whole');
my $w = decode_json($out);
is($w->{parameters}{total}, 4856000, '... all parameters');
is($w->{tensors}, 266, '... all tensors');
is($w->{licence}, 'Apache-2.0', '... its terms');
is($w->{normalization}, 'minmax', '... how it is fed');
is($w->{sha256}, (split ' ', qx(sha256sum $default))[0], '... which file');
like($w->{notice}, qr/not a medical device/, '... and what it is not');

$ENV{SAMMED2D_WEIGHTS} = $default;
($status, $out, $err) = sammed2d('weights');
is($status, 0, 'no file named: the default, here by $SAMMED2D_WEIGHTS');
like($out, qr/total +4856000 parameters, all finite, all shapes right/, '... in words');
like($out, qr/licence +Apache-2\.0/, '... with its terms');
mkdir $_ for 'alone', 'alone/bin';
system('cp', $program, 'alone/bin') == 0 or die;
delete $ENV{SAMMED2D_WEIGHTS};
my $lost = 'default\.h5: cannot be read: .*; the bundled model is not with the program: name a weights file';
for (['weights', qr/$lost, or set SAMMED2D_WEIGHTS/], ["eval --data $data", qr/$lost with -w, or set SAMMED2D_WEIGHTS/]) {
    my $said = qx(alone/bin/sammed2d $_->[0] 2>&1);
    is($? >> 8, 6, "the program without its model: $_->[0]");
    like($said, $_->[1], '... says what to do');
}
$ENV{SAMMED2D_WEIGHTS} = $default;

system($^X, $maker, 'zip', 'small.pth') == 0 or die;
sammed2d('convert small.pth -o small.h5');
my $good = slurp('small.h5');
is((sammed2d('weights small.h5'))[0], 0, 'a small model');

is((sammed2d('weights absent.h5'))[0], 6, 'no such file');
is((sammed2d('weights .'))[0], 6, 'a directory');
is((sammed2d('weights small.pth'))[0], 6, 'a checkpoint that was not converted');
like((sammed2d('weights small.pth'))[2], qr/small\.pth: not an HDF5 file.*convert/, '... says what to do');
is((sammed2d('weights small.h5 small.h5'))[0], 1, 'two files');

# HDF5 of other origin
sammed2d('convert --any small.pth -o foreign.h5');
($status, $out, $err) = sammed2d('weights foreign.h5');
is($status, 6, 'HDF5 without a configuration');
is($out, '', '... nothing on standard output');

my @wrong;
for my $cut (map { int(length($good) * $_ / 16) } 0 .. 15) {
    spew('cut.h5', substr $good, 0, $cut);
    my ($s) = sammed2d('weights cut.h5');
    push @wrong, "$cut: $s" if $s != 6;
}
is_deeply(\@wrong, [], 'every truncated file is status 6');

# One byte changed: metadata have checksums (6), a weight may still be a number (0); never a crash.
@wrong = ();
my $noticed = 0;
for (my $place = 8; $place < length $good; $place += $place < 4096 ? 97 : 9973) {
    my $bad = $good;
    substr($bad, $place, 1) ^= "\xff";
    spew('bad.h5', $bad);
    my ($s) = sammed2d('weights -q bad.h5');
    push @wrong, "$place: $s" unless $s == 6 || $s == 0;
    $noticed++ if $s == 6;
}
is_deeply(\@wrong, [], 'a changed byte never crashes');
cmp_ok($noticed, '>', 3, '... and metadata notice it');
my $nan = $good;
substr($nan, int(length($good) / 2) + $_, 1) = "\xff" for 0 .. 63;    # amid the tensors
spew('nan.h5', $nan);
my ($nan_status, undef, $nan_err) = sammed2d('weights nan.h5');
is($nan_status, 6, 'NaN among the weights');
like($nan_err, qr/infinities or NaN/, '... is named');
done_testing;
