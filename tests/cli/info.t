#!/usr/bin/perl
# sammed2d info: what it lists, in which order, as a table and as JSON, and its exit status.
use strict;
use warnings;
use lib 'tests/lib';
use File::Path 'make_path';
use File::Temp 'tempdir';
use JSON::PP;
use Run;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $dir = tempdir(CLEANUP => 1);

# A little-endian NIfTI-1 file of 4 x 3 x 2 voxels, x to the left, y to the back, sheared by 45 degrees
# from slice to slice when asked.
sub nifti {
    my (%with) = (type => 4, bits => 16, volumes => 1, shear => 0, sform => 1, magic => "n+1\0", @_);
    my $header = pack 'l< x36 s<8 x14 s<2 x2 f<8 f<3 x3 C x24 a80 x24 s<2 f<6 f<12 x16 a4 x4',
        348, 4, 4, 3, 2, $with{volumes}, 1, 1, 1, $with{type}, $with{bits}, 1, 2, 2.5, 3, 1, 1, 1, 1, 352, 0, 0,
        2, $with{description} // '', 0, $with{sform}, (0) x 6,
        -2, 0, 0, 5, 0, -2.5, $with{shear}, 6, 0, 0, 3, 7, $with{magic};
    die length $header unless length $header == 352;
    return $header . "\1\2" x (24 * $with{volumes} * $with{bits} / 16);
}

my $png = pack 'H*', '89504e470d0a1a0a0000000d4948445200000001000000010800000000' . '3a7e9b55'
    . '0000000a49444154789c636000000002000148afa4710000000049454e44ae426082';

sub info { return run("$build/sammed2d info @_") }

sub document {
    my ($status, $said, $words) = info('--json', @_);
    return ($status, eval { JSON::PP->new->decode($said) } // {}, $words);
}

make_path("$dir/tree/b", "$dir/tree/a/deep");
spew("$dir/tree/a/deep/second.nii", nifti(description => "knee, study 4", shear => 3));
spew("$dir/tree/a/first.nii", nifti());
spew("$dir/tree/a.txt", 'notes');
spew("$dir/tree/b/four.nii", nifti(volumes => 5));
spew("$dir/tree/b/picture.PNG", $png);
spew("$dir/tree/b/colour.nii", nifti(type => 128, bits => 24));
spew("$dir/tree/b/cut.nii", substr nifti(), 0, -1);
spew("$dir/tree/b/scan", "\0" x 128 . 'DICM' . "\2\0\0\0");
spew("$dir/tree/pair.hdr", substr nifti(magic => "ni1\0"), 0, 348);
spew("$dir/tree/pair.img", 'v' x (352 + 48));
spew("$dir/tree/lost.img", 'v' x 48);
symlink "$dir/tree", "$dir/tree/loop";

my ($status, $said) = document("$dir/tree");
is($status, 0, 'bad files do not make info fail');
is_deeply([map { substr $_->{files}[0], length "$dir/tree/" } @{$said->{volumes}}],
    [qw(a/deep/second.nii a/first.nii b/colour.nii b/four.nii b/picture.PNG pair.hdr)],
    'volumes in sorted order, a pair once');
is_deeply([map { $_->{number} } @{$said->{volumes}}], [1 .. 6], 'numbered from 1');
my %left = map { substr($_->{file}, length "$dir/tree/") => $_->{reason} } @{$said->{left_out}};
is_deeply([sort keys %left], [qw(a.txt b/cut.nii b/scan loop lost.img)], 'everything else is left out');
like($left{'b/scan'}, qr/^truncated/, 'DICOM, by its preamble, and no more of it');
like($left{'b/cut.nii'}, qr/cut short/, 'a truncated file');
like($left{'a.txt'}, qr/neither NIfTI nor PNG/, 'another file');
like($left{'lost.img'}, qr/\.hdr, is not there/, 'voxels without a header');
like($left{'loop'}, qr/link/, 'a link to a directory is not followed');

my ($second, $first, $colour, $four, $picture) = @{$said->{volumes}};
is_deeply($first->{dim}, [4, 3, 2], 'dim');
is_deeply($first->{spacing_mm}, [2, 2.5, 3], 'spacing_mm');
is_deeply($first->{affine_lps}, [[2, 0, 0, -5], [0, 2.5, 0, -6], [0, 0, 3, 7], [0, 0, 0, 1]],
    'affine_lps: NIfTI says RAS');
is($first->{orientation}, 'LPS', 'orientation');
is($first->{tilt_deg}, 0, 'not tilted');
is($first->{readable}, JSON::PP::true, 'readable');
is($first->{reason}, undef, 'no reason');
is_deeply($first->{gaps}, [], 'no gaps');
for my $key (qw(uid modality description transfer_syntax)) {
    ok(exists $first->{$key}, "$key is there");
}
ok(abs($second->{tilt_deg} - 45) < 1e-6, 'tilt_deg');
is($second->{description}, 'knee, study 4', 'description');
is($four->{volumes_in_file}, 5, 'volumes in a 4-D file');
is($colour->{readable}, JSON::PP::false, 'RGB is listed, not readable');
like($colour->{reason}, qr/RGB/, 'and why');
is($picture->{format}, 'PNG', 'a PNG, whatever its suffix looks like');
is_deeply($picture->{dim}, [1, 1, 1], 'its size');

($status, $said) = info("$dir/tree/b");
is($status, 0, 'the table');
like($said, qr/^ +2 +NIfTI-1 +int16 +4 x 3 x 2 +2 x 2\.5 x 3 +LPS +\S+four\.nii$/m, 'a row of it');
like($said, qr/5 volumes: choose one with --volume, 0 to 4/, 'how to choose');
like($said, qr/not readable: .*RGB/, 'what cannot be read');
like($said, qr/^left out:\n.*cut\.nii: /m, 'what was left out');

spew("$dir/plain.nii", nifti(sform => 0));
(my $code, $said, my $words) = info("$dir/plain.nii");
is($code, 0, 'without sform and qform');
like($words, qr/warning: .*left and right are not known/, 'a warning');
($status, $said) = document("$dir/plain.nii");
like($said->{volumes}[0]{warnings}[0], qr/left and right/, 'in JSON too');

my @ends = (
    [2, "$dir/nothing.nii", qr/No such file/],
    [4, "$dir/tree/b/cut.nii", qr/cut short/],
    [4, "$dir/tree/b/scan", qr/truncated/],
    [5, "$dir/tree/b/colour.nii", qr/RGB/],
    [2, "$dir/tree/a.txt", qr/neither/],
    [2, "$dir/tree/a.txt $dir/tree/b/cut.nii", qr/cut short.*\n.*neither/],
    [0, "$dir/nothing.nii $dir/tree/a", qr/No such file/],
);
for my $end (@ends) {
    my ($expected, $path, $why) = @$end;
    ($status, $said) = info($path);
    is($status, $expected, "status $expected: " . ($path =~ s/\Q$dir\E\///gr));
    like($said, $why, 'and the reason');
}
make_path("$dir/empty");
($status, $said) = info("$dir/empty");
is($status, 2, 'status 2: an empty directory');
like($said, qr{^left out:\n  \Q$dir\E/empty: holds no files$}m, '... says so');
is((info(''))[0], 1, 'status 1: nothing to look at');
is((info('--nonsense', $dir))[0], 1, 'status 1: an unknown option');

spew("$dir/dicom.nii", "\0" x 128 . 'DICM' . "\2\0\0\0");
like((info("$dir/dicom.nii"))[1], qr/truncated: the file ends inside its header/, 'content decides, not the name');
spew("$dir/empty.nii.gz", '');
is((info("$dir/empty.nii.gz"))[0], 4, 'an empty file');

spew("$dir/odd\xff.nii", nifti());
($status, $said) = document("'$dir/odd\xff.nii'");
is($status, 0, 'a name that is not UTF-8');
like($said->{volumes}[0]{files}[0], qr/odd\?\.nii$/, 'is still JSON');

spew("$dir/text.nii", nifti(description => "\xed\xa0\x80 in UTF-16"));
($status, $said) = document("$dir/text.nii");
is($status, 0, 'a description that only looks like UTF-8');
is($said->{volumes}[0]{description}, '??? in UTF-16', 'loses what is wrong, and the volume is still listed');
done_testing;
