#!/usr/bin/perl
# sammed2d segment --embeddings: what was encoded once is not encoded again, and nothing else changes.
use strict;
use warnings;
use lib 'tests/lib';
use File::Copy 'copy';
use File::Temp 'tempdir';
use Run;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $dir = tempdir(CLEANUP => 1);
$ENV{SAMMED2D_WEIGHTS} = 'weights/default.h5';
my $input = 'data/ct/image.nii.gz';
my @box = ('--propagate', 'none', '--box', 'liver=31,20,14,98,77,16');

sub start {
    my ($name, @words) = @_;
    my $child = fork // die;
    if (!$child) {
        open STDOUT, '>', "$dir/$name.out";
        open STDERR, '>', "$dir/$name.err";
        exec "$build/sammed2d", 'segment', $input, '--json', @words;
    }
    return $child;
}
sub finish { waitpid shift, 0; return status($?) }
sub segment { my ($name, @words) = @_; return finish(start($name, @words)) }
sub encoded { my ($name) = @_; return eval { read_json("$dir/$name.out")->{slices_encoded} } }
sub said { return slurp("$dir/$_[0].err") }

my $kept = "$dir/kept.h5";
my @keep = ('--embeddings', $kept);

is(segment('plain', @box, '-o', "$dir/plain.nii"), 0, 'without');
is(segment('first', @box, @keep, '-o', "$dir/first.nii"), 0, 'the first time') or diag said('first');
is(encoded('first'), 3, 'every slice is encoded');
ok(slurp("$dir/first.nii") eq slurp("$dir/plain.nii"), 'the same label map as without');
is(segment('second', @box, @keep, '-o', "$dir/second.nii"), 0, 'the second time');
is(encoded('second'), 0, 'no slice is encoded');
is(segment('once', @box, @keep, '--zoom', 'no', '-o', "$dir/once.nii"), 0, 'the same, boxes seen once');
is(read_json("$dir/once.out")->{seconds}{encode}, 0, '... takes no encoder at all');
ok(slurp("$dir/second.nii") eq slurp("$dir/plain.nii"), 'the same label map');
is(segment('other', @keep, '--propagate', 'none', '--point', 'spleen=101,82,15', '-o', "$dir/other.nii"), 0, 'another prompt');
is(encoded('other'), 0, 'on a slice that is known');
is(segment('more', @box, @keep, '--point', 'spleen=101,82,20', '-o', "$dir/more.nii"), 0, 'and one that is not');
is(encoded('more'), 1, 'only that is encoded');

# A mirror image is a picture like others, and the picture itself is known.
is(segment('mirrored', @box, @keep, '--mirrors', 2, '-o', "$dir/mirrored.nii"), 0, 'in the mirror too');
is(segment('mirrored', @box, @keep, '--mirrors', 2, '-o', "$dir/mirrored.nii"), 0, '... once more');
is(encoded('mirrored'), 0, '... no slice is encoded');
is(segment('unkept', @box, '--mirrors', 2, '-o', "$dir/unkept.nii"), 0, '... and without');
ok(slurp("$dir/mirrored.nii") eq slurp("$dir/unkept.nii"), '... the same label map');
ok(slurp("$dir/mirrored.nii") ne slurp("$dir/plain.nii"), '... which is another than of one image');
is(segment('one', @box, @keep, '-o', "$dir/one.nii"), 0, 'and without mirrors again');
ok(slurp("$dir/one.nii") eq slurp("$dir/plain.nii"), '... the label map of before');

for (['--window', 'liver'], ['--plane', 'coronal', '--box', 'a=31,40,14,98,40,16'], ['--precision', 'bf16']) {
    my @way = @$_;
    my @what = $way[0] eq '--plane' ? ('--propagate', 'none', @way) : (@box, @way);
    is(segment('way', @what, @keep, '-o', "$dir/way.nii"), 0, "@way");
    ok(encoded('way') > 0, '... is another picture, or another encoder');
    segment('way', @what, @keep, '-o', "$dir/way.nii");
    is(encoded('way'), 0, '... and known the next time');
}

is(segment('turned', @box, @keep, '--orient', 'sa-med2d', '-o', "$dir/turned.nii"), 0, '--orient sa-med2d');
is(encoded('turned'), 0, '... shows mirror images of what is known');
is(segment('alone', @box, '--orient', 'sa-med2d', '-o', "$dir/alone.nii"), 0, '... and without the file');
ok(slurp("$dir/turned.nii") eq slurp("$dir/alone.nii"), '... the label map is the same');

# ---- bounded, and shared ----
my $small = "$dir/small.h5";
my @many = ('--embeddings', $small, '--embeddings-size', 4, '--propagate', 'none', '--box', 'a=31,20,5,98,77,34');
is(segment('many', @many, '-o', "$dir/many.nii"), 0, 'more slices than there is room for');
ok(-s $small < 5 << 20, 'the file is as large as it was allowed to be') or diag -s $small;
my $size = -s $small;
my @children = map { start("s$_", '--embeddings', $small, '--propagate', 'none', '--box', "a=31,20,$_,98,77," . ($_ + 3), '-o', "$dir/s$_.nii") } 20 .. 23;
is_deeply([map { finish($_) } @children], [0, 0, 0, 0], 'four at a time use one file');
is(-s $small, $size, 'which stays as large');
for my $k (20 .. 23) {
    segment('alone', '--propagate', 'none', '--box', "a=31,20,$k,98,77," . ($k + 3), '-o', "$dir/alone.nii");
    ok(slurp("$dir/s$k.nii") eq slurp("$dir/alone.nii"), "from slice $k: as alone");
}

# ---- what it does not take ----
copy('weights/default.h5', "$dir/w.h5");
my $before = slurp("$dir/w.h5");
is(segment('bad', @box, '--embeddings', "$dir/w.h5", '-o', "$dir/bad.nii"), 1, 'a weights file is refused');
like(said('bad'), qr/w\.h5: holds no sammed2d image embeddings; give the file another name/, '... in a sentence');
ok(slurp("$dir/w.h5") eq $before, '... and left alone');
is(segment('bad', @box, '--embeddings', "$dir/no/where.h5", '-o', "$dir/bad.nii"), 7, 'no such directory');
is(segment('bad', @box, '--embeddings', "$dir/x.nii", '-o', "$dir/x.nii"), 1, 'an output');
is(segment('bad', @box, @keep, '--embeddings-size', 0, '-o', "$dir/bad.nii"), 1, 'no room');
is(segment('alone', @box, '--embeddings-size', 5, '-o', "$dir/bad.nii"), 1, 'a size of no file');
like(said('alone'), qr/--embeddings-size limits the file of --embeddings/, '... in a sentence');
ok(!-e "$dir/bad.nii", 'nothing was written');

SKIP: {
    skip 'root may write to everything', 2 if $> == 0;
    chmod 0444, $kept;
    is(segment('read', @box, @keep, '-o', "$dir/read.nii"), 0, 'a file that cannot be written to is read');
    is(encoded('read'), 0, '... and what it has is used');
}
done_testing;
