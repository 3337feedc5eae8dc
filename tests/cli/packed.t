#!/usr/bin/perl
# sammed2d convert --precision: weights packed for bf16 and int8 give what they give when they are lowered on
# opening, in smaller files; what cannot use them says so.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use JSON::PP;
use Run;
use Test::More;

my $program = ($ENV{BUILD} // 'build') . '/sammed2d';
my $dir = tempdir(CLEANUP => 1);
my $default = 'weights/default.h5';
my $task = 'data/ct/image.nii.gz --propagate none --box liver=31,20,16,98,77,16';

sub sammed2d { return run("$program @_") }

my ($status, $out, $err);
for my $precision ('bf16', 'int8') {
    my $packed = "$dir/$precision.h5";
    ($status, $out, $err) = sammed2d("convert $default --precision $precision -o $packed");
    is($status, 0, "$precision: packed") or diag $err;
    ($status, $out, $err) = sammed2d("weights --json $packed");
    is($status, 0, "$precision: whole") or diag $err;
    my $about = decode_json($out);
    is($about->{precision}, $precision, '... and says what it is');
    is($about->{parameters}{total}, 4856000, '... all parameters');
    is($about->{unexpected_tensors}, 0, '... nothing else');
    sammed2d("segment $task -w $default --precision $precision -o $dir/wanted.nii --probabilities $dir/wanted-p.nii");
    ($status, $out, $err) = sammed2d("segment $task -w $packed --json -o $dir/got.nii --probabilities $dir/got-p.nii");
    is($status, 0, "$precision: segments") or diag $err;
    is(decode_json($out)->{options}{precision} // decode_json($out)->{precision} // $precision, $precision, '... in it');
    ok(slurp("$dir/got-p.nii") eq slurp("$dir/wanted-p.nii"), '... the same probabilities to the last bit');
    for my $kernels ('avx2', 'base', 'blas') {    # where they know the precision, and where not
        local $ENV{SAMMED2D_KERNELS} = $kernels;
        sammed2d("segment $task -w $_->[0] --precision $precision -o $dir/$_->[1].nii --probabilities $dir/$_->[1]-p.nii")
            for [$default, 'wanted'], [$packed, 'got'];
        ok(slurp("$dir/got-p.nii") eq slurp("$dir/wanted-p.nii"), "... by the kernels for $kernels, too");
        unlink "$dir/got-p.nii", "$dir/wanted-p.nii";
    }
    sammed2d("convert $default --precision $precision -o $dir/again.h5");
    ok(slurp("$dir/again.h5") eq slurp($packed), "$precision: the same bytes again");
    my $other = $precision eq 'bf16' ? 'int8' : 'bf16';
    ($status, $out, $err) = sammed2d("segment $task -w $packed --precision $other -o $dir/no.nii");
    is($status, 6, "$precision: not as $other");
    like($err, qr/holds weights packed as $precision, which cannot become $other/, '... in a sentence');
    for (["convert $packed -o $dir/no.pth", 5], ["convert $packed --precision bf16 -o $dir/no.h5", 6],
         ["train --weights $packed --data data --steps 1 -o $dir/no.h5", 6]) {
        my ($use, $expected) = @$_;
        ($status, $out, $err) = sammed2d($use);
        is($status, $expected, "$precision: refused by " . ($use =~ /^(\w+)/)[0]);
        like($err, qr/holds weights packed as $precision/, '... in a sentence');
    }
}
cmp_ok(-s "$dir/int8.h5", '<', -s "$dir/bf16.h5", 'int8 is the smaller file');

($status, $out, $err) = sammed2d("convert $default --precision int4 -o $dir/no.h5");
is($status, 1, 'another precision');
like($err, qr/--precision takes bf16 or int8, not "int4"/, '... in a sentence');

# Half a file, and one that says another precision than it has.
my $bytes = slurp("$dir/int8.h5");
spew("$dir/half.h5", substr($bytes, 0, length($bytes) / 2));
is((sammed2d("weights $dir/half.h5"))[0], 6, 'half a file is refused');
done_testing;
