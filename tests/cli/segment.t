#!/usr/bin/perl
# sammed2d segment: what it writes, and one sentence and the right status for everything that can be wrong.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use JSON::PP;
use Run;
use SmallNifti;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $dir = tempdir(CLEANUP => 1);
my $program = "$build/sammed2d";
$ENV{SAMMED2D_WEIGHTS} = 'weights/default.h5';
delete $ENV{SOURCE_DATE_EPOCH};

# A bright block in the middle of 24 x 20 x 5 voxels of 2 x 2 x 5 mm.
my @dim = (24, 20, 5);
my @voxels;
for my $k (0 .. 4) {
    for my $j (0 .. 19) {
        for my $i (0 .. 23) {
            my $inside = $i >= 8 && $i < 16 && $j >= 6 && $j < 14 && $k >= 1 && $k <= 3;
            push @voxels, 50 + ($i * 31 + $j * 17 + $k * 7) % 23 + ($inside ? 400 : 0);
        }
    }
}
my @sform = ([-2, 0, 0, 20], [0, -2, 0, 15], [0, 0, 5, -7]);
my $input = "$dir/in.nii";
write_nifti($input, \@dim, \@sform, \@voxels);
my $box = 'block=8,6,1,15,13,3';

sub segment { return run($program, 'segment', @_) }
sub leftovers { return [glob "$dir/.*sammed2d-*"] }

# ---- what it writes ----
my ($status, $out, $err) = segment($input, '-o', "$dir/a.nii", '-o', "$dir/a.nii.gz", '--box', $box, '--json',
    '--stats', "$dir/stats.json", '--probabilities', "$dir/p.nii", '--preview', "$dir/p.png");
is($status, 0, 'it works') or diag $err;
is($err, '', 'and says nothing');
my $json = decode_json($out);
is_deeply([sort grep { !/^(view|slices_encoded)$/ } keys %$json],
    [qw(input objects outputs seconds warnings weights window)], 'keys of the JSON document');
is_deeply([sort keys %{$json->{objects}[0]}], [qw(id name predicted_iou slices volume_ml voxels)], 'keys of an object');
is_deeply([sort keys %{$json->{seconds}}], [qw(decode encode read total write)], 'keys of seconds');
is_deeply($json->{objects}[0]{slices}, [1, 3], 'a 3-D box stays on its slices');
is($json->{slices_encoded}, 3, 'each of them is encoded once, no other');
is($json->{window}, 'minmax', 'the window that the weights ask for');
my @labels = read_labels("$dir/a.nii");
is(scalar(@labels), 24 * 20 * 5, 'the label map has the size of the input');
my $ones = grep { $_ == 1 } @labels;
is($json->{objects}[0]{voxels}, $ones, 'and as many voxels as said');
cmp_ok(abs($json->{objects}[0]{volume_ml} - $ones * 0.02), '<', 1e-9, 'volume in ml');
my $hits = grep { $labels[$_] == 1 && $voxels[$_] >= 450 } 0 .. $#labels;
cmp_ok(2 * $hits, '>', 0.7 * ($ones + 8 * 8 * 3), 'Dice with the block above 0.7');
is(substr(slurp("$dir/a.nii"), 280, 48), substr(slurp($input), 280, 48), 'sform as in the input');
my $beside = read_json("$dir/a.json");
is($beside->{labels}[0]{name}, 'block', 'the list of labels beside it');
like($beside->{weights}{sha256}, qr/^[0-9a-f]{64}$/, 'with the digest of the weights');
ok(!exists $beside->{created}, 'and no date');
is(read_json("$dir/stats.json")->{objects}[0]{prompts}{boxes}, 1, 'statistics as JSON');
is(length slurp("$dir/p.nii"), 352 + 4 * @labels, 'probabilities as float32');
my @probabilities = unpack 'f<*', substr slurp("$dir/p.nii"), 352;
is(scalar(grep { ($probabilities[$_] > 0.5) != ($labels[$_] == 1) } 0 .. $#labels), 0, 'which agree with the labels');
is(substr(slurp("$dir/p.png"), 1, 3), 'PNG', 'a preview');

# ---- the same again ----
{
    local $ENV{SOURCE_DATE_EPOCH} = 86400;
    segment($input, '-o', "$dir/b.nii", '--box', $box, '--stats', "$dir/b.csv");
    my %before = map { $_ => slurp("$dir/b.$_") } qw(nii json csv);
    segment($input, '-o', "$dir/b.nii", '--box', $box, '--stats', "$dir/b.csv");
    is(slurp("$dir/b.$_"), $before{$_}, "the same bytes again: .$_") for qw(nii json csv);
    is(decode_json($before{json})->{created}, '1970-01-02T00:00:00Z', 'a date where one is asked for');
    like($before{csv}, qr/^name,id,voxels,.*\n"block",1,$ones,/, 'statistics as CSV');
}

# ---- other ways to prompt ----
spew("$dir/prompts.json", '{"objects": [{"name": "block", "id": 9, "boxes": [[8,6,1,15,13,3]]}]}');
is((segment($input, '-o', "$dir/c.nii", '--prompts', "$dir/prompts.json"))[0], 0, 'a prompts file');
is(join(',', map { $_ == 9 ? 1 : $_ } read_labels("$dir/c.nii")), join(',', @labels), 'gives the same, under its id');
# sform diagonal -2,-2,5 in RAS: voxel (i,j,k) lies at RAS 20-2i, 15-2j, 5k-7
is((segment($input, '-o', "$dir/c.nii", '--space', 'ras', '--box', 'block=4,3,-2,-10,-11,8'))[0], 0, 'a box in RAS mm');
is(join(',', read_labels("$dir/c.nii")), join(',', @labels), 'gives the same');
spew("$dir/roi.mrk.json", '{"markups": [{"type": "ROI", "name": "block", "coordinateSystem": "LPS", "center": [3, 4, 3],
    "orientation": [-1,0,0,0,-1,0,0,0,1], "size": [16, 16, 15]}]}');
is((segment($input, '-o', "$dir/c.nii", '--prompts', "$dir/roi.mrk.json"))[0], 0, 'a Slicer ROI');
is(join(',', read_labels("$dir/c.nii")), join(',', @labels), 'gives the same');
($status, $out) = segment($input, '-o', "$dir/d.nii", '--mask', "$dir/a.nii", '--mask-as', 'both', '--json');
is($status, 0, 'a label map as prompt');
is(decode_json($out)->{objects}[0]{name}, 'block', 'its names come from the list beside it');
# A file an organ, as many programs write them: all count from 1.
spew("$dir/second.nii", slurp("$dir/a.nii"));
($status, $out, $err) = segment($input, '-o', "$dir/d.nii", '--mask', "$dir/a.nii", '--mask', "$dir/second.nii", '--json');
is($status, 3, 'two label maps as prompts: they are the same, so one of both comes out empty');
is_deeply([map { "$_->{name} $_->{id}" } @{decode_json($out)->{objects}}], ['block 1', 'label 1 2'], 'whose labels have the same number');
like($err, qr/"label 1" of \S+second\.nii gets id 2, as "block" has id 1/, '... which is said');
($status, $out) = segment($input, '-o', "$dir/d.nii", '--point', 'block=12,10,2', '--json');
is($status, 0, 'a point');
cmp_ok(decode_json($out)->{slices_encoded}, '>', 1, 'goes to other slices');
($status, $out) = segment($input, '-o', "$dir/d.nii", '--point', 'block=12,10,2', '--propagate', 'none', '--json');
is(decode_json($out)->{slices_encoded}, 1, 'but not when told so');

# ---- names that are not UTF-8 ----
mkdir "$dir/b\xe9d";
spew("$dir/b\xe9d/in.nii", slurp($input));
($status, $out, $err) = segment("$dir/b\xe9d/in.nii", '-o', "$dir/b\xe9d/o.nii", '--stats', "$dir/b\xe9d/s.json",
    '--box', $box, '--json');
is($status, 0, 'a path that is not UTF-8') or diag $err;
like(decode_json($out)->{outputs}[1], qr{/b\?d/o\.json$}, 'is still JSON');
is(read_json("$dir/b\xe9d/o.json")->{labels}[0]{name}, 'block', 'so is the list of labels');

# ---- voxels that say nothing ----
write_nifti("$dir/flat.nii", \@dim, \@sform, [(7) x @voxels]);
($status, $out, $err) = segment("$dir/flat.nii", '-o', "$dir/d.nii", '--box', $box);
like($err, qr/warning: \Q$dir\E\/flat\.nii: every voxel has the same value, 7/, 'no contrast: a warning says so');
my $nan = slurp($input);
substr($nan, 112, 4) = pack 'f<', 1e38;
spew("$dir/large.nii", $nan);
($status, $out, $err) = segment("$dir/large.nii", '-o', "$dir/d.nii", '--box', $box);
like($err, qr/warning: .*large\.nii: \d+ of 2400 voxels are no finite numbers/, 'numbers beyond float32: a warning counts them');

# ---- what can be wrong: words, status, sentence ----
spew("$dir/old.nii", 'old');
spew("$dir/truncated.nii", substr slurp($input), 0, 1000);
spew("$dir/junk.json", '{"objects": [');
spew("$dir/weights.h5", 'no weights');
mkdir "$dir/sealed";
chmod 0555, "$dir/sealed";
write_nifti("$dir/other.nii", [5, 5, 5], \@sform, [(1) x 125]);
spew("$dir/empty.json", '{"objects": [{"name": "e"}]}');
spew("$dir/twice.json", '{"objects": [{"name": "b", "id": 1, "points": [[1,1,1,1]]}, {"name": "c", "id": 1, "points": [[1,1,1,1]]}]}');
spew("$dir/folder.json", '{"objects": [{"name": "m", "mask": "."}]}');
spew("$dir/fixed.json", '{"case_1_liver_000.png": {"boxes": [[1,2,3,4]]}, "shown_1_liver_000.png": {"boxes": [[1,2,3,4]]}}');
spew("$dir/shown.png", slurp("$dir/p.png"));
my $four = slurp("$dir/a.nii");
substr($four, 40, 10) = pack 's<5', 4, @dim, 2;
spew("$dir/four.nii", $four . "\0" x 2400);
my @good = ('-o', "$dir/old.nii", '--box', $box);
my @bad = (
    ['no input', 1, qr/no input/, @good],
    ['no output', 1, qr/nothing to write/, $input, '--box', $box],
    ['no prompt', 1, qr/no prompts/, $input, '-o', "$dir/old.nii"],
    ['an unknown suffix', 1, qr/\.nii, \.nii\.gz/, $input, '-o', "$dir/x.mha", '--box', $box],
    ['DICOM SEG from NIfTI', 1, qr/DICOM input only/, $input, '-o', "$dir/x.dcm", '--box', $box],
    ['the input as output', 1, qr/is the input/, $input, '-o', $input, '--box', $box],
    ['statistics where labels go', 1, qr/two outputs/, $input, @good, '--stats', "$dir/old.json"],
    ['statistics where labels go, said another way', 1, qr/two outputs/, $input, '-o', "$dir/new.nii", '--box', $box,
        '--stats', "$dir/./new.json"],
    ['an unknown plane', 1, qr/axial/, $input, @good, '--plane', 'oblique'],
    ['an unknown window', 1, qr/abdomen/, $input, @good, '--window', 'bright'],
    ['a bad box', 1, qr/i0,j0,k0,i1,j1,k1/, $input, '-o', "$dir/old.nii", '--box', 'block=1,2,3'],
    ['a missing input', 2, qr/No such file/, "$dir/none.nii", @good],
    ['a truncated input', 4, qr/truncated\.nii/, "$dir/truncated.nii", @good],
    ['a missing prompts file', 2, qr/none\.json/, $input, @good, '--prompts', "$dir/none.json"],
    ['a damaged prompts file', 4, qr/line 1/, $input, @good, '--prompts', "$dir/junk.json"],
    ['a prompt outside', 1, qr/\Q$input\E: a point of "far" lies outside the volume: voxel 99,1,1, but indices go from 0,0,0 to 23,19,4/,
        $input, @good, '--point', 'far=99,1,1'],
    ['an object that is only excluded', 1, qr/"x" has excluded points only/, $input, @good, '--exclude', 'x=1,1,1'],
    ['a prompts file with an object without a prompt', 1, qr/\Q$input: $dir\E\/empty\.json: object "e" has no prompt/, $input,
        @good, '--prompts', "$dir/empty.json"],
    ['an id given twice', 1, qr/\Q$input: $dir\E\/twice\.json: objects "b" and "c" both have id 1/, $input, @good,
        '--prompts', "$dir/twice.json"],
    ['an object of two sources outside', 1, qr/\Q$input\E: a box of "block" lies outside/, $input, '-o', "$dir/old.nii",
        '--box', 'block=0,0,0,99,1,1', '--prompts', "$dir/prompts.json"],
    ['prompts of other pictures', 1, qr/fixed\.json: none of its 2 objects is of the picture .*shown\.png.*"shown_LABEL/,
        "$dir/shown.png", '-o', "$dir/old.nii", '--prompts', "$dir/fixed.json"],
    ['a folder as prompts', 2, qr/\Q$dir\E: is a directory; name a file/, $input, @good, '--prompts', $dir],
    ['a folder as mask', 2, qr/\Q$dir\E: is a directory; name a file/, $input, @good, '--mask', $dir],
    ['a folder as mask in a prompts file', 2, qr/\Q$dir\E\/\.: is a directory; name a file/, $input, @good, '--prompts',
        "$dir/folder.json"],
    ['a mask of several volumes', 5, qr/four\.nii: holds 2 volumes, but a label map has one; write/, $input, '-o',
        "$dir/old.nii", '--mask', "$dir/four.nii"],
    ['a mask on another grid', 1, qr/another grid/, $input, '-o', "$dir/old.nii", '--mask', "$dir/other.nii"],
    ['missing weights', 6, qr/none\.h5/, $input, @good, '-w', "$dir/none.h5"],
    ['weights of the wrong kind', 6, qr/weights\.h5/, $input, @good, '-w', "$dir/weights.h5"],
    ['a missing output directory', 7, qr/does not exist/, $input, '-o', "$dir/none/x.nii", '--box', $box],
    ['a volume that is not there', 1, qr/volume/, $input, @good, '--volume', 4],
    ['a volume below 0', 1, qr/--volume counts from 0/, $input, @good, '--volume', '-1'],
);
push @bad, ['a directory that cannot be written to', 7, qr/cannot be written/, $input, '-o', "$dir/sealed/x.nii", '--box', $box]
    if $> != 0;    # root may write anywhere
for my $case (@bad) {
    my ($what, $expected, $words, @words) = @$case;
    ($status, $out, $err) = segment(@words);
    is($status, $expected, "$what: status $expected") or diag $err;
    like($err, $words, "$what: a sentence that says so");
    is(scalar(grep { !/^Try: / } split /\n/, $err), 1, "$what: one line");
    is($out, '', "$what: nothing on standard output");
}
is(slurp("$dir/old.nii"), 'old', 'the old output is as it was');
is_deeply(leftovers(), [], 'no temporary file is left');

# ---- a full disk: a device that takes nothing, if one can be mounted ----
SKIP: {
    mkdir "$dir/full";
    skip 'no file system can be mounted here', 3
        if $> != 0 || system("mount -t tmpfs -o size=8k tmpfs $dir/full 2>/dev/null") != 0;
    spew("$dir/full/x.nii.gz", 'old');
    ($status, $out, $err) = segment($input, '--box', $box, '-o', "$dir/full/x.nii.gz", '--probabilities', "$dir/full/p.nii");
    is($status, 7, 'a full disk: status 7') or diag $err;
    like($err, qr/full/, 'a sentence that says so');
    is_deeply([grep { !m{/x\.(nii\.gz|json)$} } glob "$dir/full/{*,.*sammed2d*}"], [], 'nothing half-written');
    system "umount $dir/full";
}

# ---- an object that comes out empty ----
($status, $out, $err) = segment($input, '-o', "$dir/e.nii", '--box', $box, '--box', 'shadow=8,6,1,15,13,3');
is($status, 3, 'two objects on the same voxels: the second comes out empty, status 3');
like($err, qr/warning: object "shadow" came out empty/, 'and a warning says which');
my @written = read_labels("$dir/e.nii");
is(scalar(@written), 24 * 20 * 5, 'the label map is written');
# ---- precisions ----
my ($float_voxels) = $json->{objects}[0]{voxels};
for my $precision (qw(bf16 int8)) {
    my ($status, $out, $err) = segment($input, '--box', $box, '--precision', $precision, '--json', '-o', "$dir/$precision.nii");
    is("$status$err", '0', "--precision $precision works");
    my $now = $status ? 0 : decode_json($out)->{objects}[0]{voxels};
    cmp_ok(abs($now - $float_voxels), '<', 0.05 * $float_voxels, '... and finds about the same');
    is(read_json("$dir/$precision.json")->{options}{precision}, $precision, '... and says so beside the label map');
}
{
    my ($status, undef, $err) = segment($input, '--box', $box, '--precision', 'int4', '-o', "$dir/x.nii");
    is($status, 1, 'an unknown precision is a usage error');
    like($err, qr/--precision takes one of float32, bf16, int8, not "int4"/, '... that lists those there are');
}

# ---- a second look ----
for my $zoom ('no', 1.5, 2.5) {
    my ($status, undef, $err) = segment($input, '--box', $box, '--zoom', $zoom, '-o', "$dir/zoom_$zoom.nii", '--probabilities', "$dir/zoom_$zoom.p.nii");
    is("$status$err", '0', "--zoom $zoom works");
    is(read_json("$dir/zoom_$zoom.json")->{options}{zoom}, $zoom eq 'no' ? 1 : $zoom, '... and is told beside the label map');
}
# The box of 8 x 8 pixels counts as 16 x 16: 1.5 times that is all of the slice, 24 x 20.
is(slurp("$dir/zoom_2.5.p.nii"), slurp("$dir/zoom_no.p.nii"), 'nothing is to be seen from near where the part is all of the slice');
is(slurp("$dir/zoom_1.5.p.nii"), slurp("$dir/zoom_no.p.nii"), '... at its edge too');
{
    my ($status, undef, $err) = segment($input, '--box', $box, '--zoom', '0.5', '-o', "$dir/x.nii");
    is($status, 1, 'a zoom that shows less than the box is a usage error');
    like($err, qr/--zoom takes no or a number from 1.5 to 10, not "0.5"/, '... that says what there is');
}

# ---- mirrors ----
for my $mirrors ('no', 2, 4) {
    my ($status, undef, $err) = segment($input, '--box', $box, '--mirrors', $mirrors, '-o', "$dir/mirrors_$mirrors.nii", '--probabilities', "$dir/mirrors_$mirrors.p.nii");
    is("$status$err", '0', "--mirrors $mirrors works");
    is(read_json("$dir/mirrors_$mirrors.json")->{options}{mirrors}, $mirrors eq 'no' ? 1 : $mirrors, '... and is told beside the label map');
}
isnt(slurp("$dir/mirrors_2.p.nii"), slurp("$dir/mirrors_no.p.nii"), 'two images give another answer');
isnt(slurp("$dir/mirrors_4.p.nii"), slurp("$dir/mirrors_2.p.nii"), '... and four yet another');
{
    my ($status, undef, $err) = segment($input, '--box', $box, '--mirrors', '3', '-o', "$dir/x.nii");
    is($status, 1, 'three mirror images are a usage error');
    like($err, qr/--mirrors takes no, 2 or 4, not "3"/, '... that says what there is');
}

# ---- points that correct a mask ----
{
    # Half of the block in the middle slice; the other half is said to be in it, and what is beside it not.
    my @half = map { my ($i, $j, $k) = ($_ % 24, int($_ / 24) % 20, int($_ / 480)); $k == 2 && $i >= 8 && $i < 12 && $j >= 6 && $j < 14 ? 1 : 0 } 0 .. 2399;
    write_nifti("$dir/half.nii", \@dim, \@sform, \@half);
    my @corrected = ($input, '--mask', "$dir/half.nii", '--mask-as', 'mask', '--point', 'half_1=14,10,2', '--exclude', 'half_1=20,10,2');
    spew("$dir/half.json", '{"labels": [{"id": 1, "name": "half_1"}]}');
    for my $choice ('box', 'points') {
        my ($status, undef, $err) = segment(@corrected, '--multimask', $choice, '-o', "$dir/by_$choice.nii", '--probabilities', "$dir/by_$choice.p.nii");
        is("$status$err", '0', "--multimask $choice");
        is(read_json("$dir/by_$choice.json")->{options}{multimask}, $choice, '... is told beside the label map');
    }
    isnt(slurp("$dir/by_points.p.nii"), slurp("$dir/by_box.p.nii"), 'points that correct a mask weigh the answers');
    my $at = sub { my ($i, $j, $k) = @_; (read_labels("$dir/by_points.nii"))[$i + 24 * ($j + 20 * $k)] };
    is($at->(14, 10, 2), 1, '... the one said to be inside is');
    is($at->(20, 10, 2), 0, '... the one said to be outside is');
    is((segment(@corrected, '-o', "$dir/by_default.nii", '--probabilities', "$dir/by_default.p.nii"))[0], 0, 'without');
    is(slurp("$dir/by_default.p.nii"), slurp("$dir/by_points.p.nii"), '... the bundled model does so by itself');
    # Whatever the network thinks of it, and whichever way the slices lie.
    my %contrary = (axial => ['2,2,2', '10,10,2'], coronal => ['2,10,4', '10,10,2'], sagittal => ['10,2,4', '10,10,2']);
    for my $plane (sort keys %contrary) {
        my ($in, $out) = @{$contrary{$plane}};
        my ($status) = segment($input, '--mask', "$dir/half.nii", '--mask-as', 'mask', '--plane', $plane, '--point', "half_1=$in", '--exclude', "half_1=$out", '-o', "$dir/contrary.nii");
        my @labels = read_labels("$dir/contrary.nii");
        my ($inside, $outside) = map { my ($i, $j, $k) = split /,/; $labels[$i + 24 * ($j + 20 * $k)] } $in, $out;
        is("$status $inside $outside", '0 1 0', "$plane: points that correct a mask are obeyed");
    }
    # Two halves: what is given to one is taken from the other.
    my @halves = map { my ($i, $j, $k) = ($_ % 24, int($_ / 24) % 20, int($_ / 480)); $k == 2 && $j >= 6 && $j < 14 ? ($i >= 8 && $i < 12 ? 1 : $i >= 12 && $i < 16 ? 2 : 0) : 0 } 0 .. 2399;
    write_nifti("$dir/halves.nii", \@dim, \@sform, \@halves);
    spew("$dir/halves.json", '{"labels": [{"id": 1, "name": "left"}, {"id": 2, "name": "right"}]}');
    my @moved = ($input, '--mask', "$dir/halves.nii", '--mask-as', 'mask');
    for (['right=9,10,2', 2, '9,10,2'], ['left=14,9,2', 1, '14,9,2']) {
        my ($point, $id, $voxel) = @$_;
        my ($status) = segment(@moved, '--point', $point, '-o', "$dir/moved.nii");
        my ($i, $j, $k) = split /,/, $voxel;
        is("$status " . (read_labels("$dir/moved.nii"))[$i + 24 * ($j + 20 * $k)], "0 $id", "$point: moved from one object to another");
    }
    # A name that no mask has.
    my ($status, undef, $err) = segment(@moved, '--point', 'rihgt=9,10,2', '--propagate', 'none', '-o', "$dir/misspelt.nii");
    is($status, 0, 'a new object beside masks');
    like($err, qr/no mask is called "rihgt".*: left, right$/m, '... is told, with the names of the masks');
    ($status, undef, $err) = segment(@moved, '--exclude', 'rihgt=9,10,2', '-o', "$dir/misspelt.nii");
    is($status, 1, 'what is to be excluded from none of the masks');
    like($err, qr/"rihgt" has excluded points only.*one of the masks: left, right$/m, '... likewise');
    for my $overlap ('', '--overlap') {
        my @option = $overlap ? ($overlap) : ();
        my ($implied) = segment(@moved, '--point', 'right=9,10,2', @option, '-o', "$dir/implied$overlap.nii", '--probabilities', "$dir/implied$overlap.p.nii");
        my ($said) = segment(@moved, '--point', 'right=9,10,2', '--exclude', 'left=9,10,2', @option, '-o', "$dir/said.nii", '--probabilities', "$dir/said.p.nii");
        is("$implied $said", '0 0', "moved $overlap");
        my $same = slurp("$dir/implied$overlap.p.nii") eq slurp("$dir/said.p.nii");
        is($same ? 'same' : 'other', $overlap ? 'other' : 'same', $overlap ? '--overlap: it may belong to both' : '... as if it had been excluded there');
    }
    # More points than the network takes.
    spew("$dir/many.json", encode_json({objects => [{name => 'many', points => [map { [$_ % 24, int($_ / 24), 2, 1] } 0 .. 256]}]}));
    ($status, undef, $err) = segment($input, '--prompts', "$dir/many.json", '-o', "$dir/refused.nii");
    is($status, 1, '257 points on a slice');
    like($err, qr/object "many" has more than 256 points on slice 2; leave some of them out$/m, '... are refused by name');
    # One voxel, told opposite things.
    my @contrary = ([qr/object "a": voxel 9,10,2 is given as inside and as outside/, '--point', 'a=9,10,2', '--exclude', 'a=9,10,2'],
                    [qr/voxel 9,10,2 is given to "a" and to "b"; without --overlap/, '--point', 'a=9,10,2', '--point', 'b=9,10,2']);
    for (@contrary) {
        my ($told, @points) = @$_;
        ($status, undef, $err) = segment($input, @points, '--propagate', 'none', '-o', "$dir/told.nii");
        like($status, qr/^[03]$/, "@points");
        like($err, $told, '... is told');
    }
    for (['--point', 'a=9,10,2', '--point', 'b=9,10,2', '--overlap'], ['--point', 'a=9,10,2', '--exclude', 'b=9,10,2', '--point', 'b=14,10,2'],
         ['--point', 'a=9,10,2', '--point', 'a=9,10,2']) {
        ($status, undef, $err) = segment($input, @$_, '--propagate', 'none', '-o', "$dir/told.nii");
        like($status, qr/^[03]$/, "@$_");
        unlike($err, qr/is given/, '... is not');
    }
    for my $choice ('box', 'points') {
        segment($input, '--box', $box, '--point', 'block=10,10,2', '--multimask', $choice, '-o', "$dir/$choice.nii", '--probabilities', "$dir/$choice.p.nii");
    }
    is(slurp("$dir/points.p.nii"), slurp("$dir/box.p.nii"), '... and where nothing is corrected nothing changes');
    is((segment($input, '--box', $box, '--multimask', 'perhaps', '-o', "$dir/x.nii"))[0], 1, 'another word is a usage error');
}

# ---- what is asked for and cannot be had is not passed over ----
{
    my @point = ('--point', 'a=9,10,2', '--propagate', 'none');
    spew("$dir/own.json", '{"precious": 1}');
    my ($status, undef, $err) = segment($input, @point, '-o', "$dir/own.nii.gz");
    is($status, 1, 'a file of somebody else where the list of labels would go');
    like($err, qr/own\.json: is there already and is no list of labels .* beside \S+own\.nii\.gz; give the output another name$/m, '... is named');
    is(slurp("$dir/own.json"), '{"precious": 1}', '... and left alone');
    is(join('', map { (segment($input, @point, '-o', "$dir/replaced.nii.gz"))[0] } 1, 2), '00', 'our own is replaced');
    spew("$dir/where.json", '{"objects": [{"name": "a", "points": [[9, 10, 2, 1]]}]}');
    ($status, undef, $err) = segment($input, '--prompts', "$dir/where.json", '--space', 'lps', '-o', "$dir/no.nii");
    is("$status $err", "1 sammed2d segment: --space says how --box, --point and --exclude are meant, and none is given; a file of prompts "
       . "says \"space\" itself\n", '--space for a file of prompts');
    spew("$dir/lost.json", '{"objects": [{"name": "a", "mask_label": 2, "points": [[9, 10, 2, 1]]}]}');
    ($status, undef, $err) = segment($input, '--prompts', "$dir/lost.json", '-o', "$dir/no.nii");
    is($status, 4, '"mask_label" without "mask"');
    like($err, qr/lost\.json: "mask_label" of "a" chooses a label of "mask", which is not given$/m, '... is not passed over');
    ($status, undef, $err) = segment($input, '--mask', $0, '-o', "$dir/no.nii");
    is("$status $err", "2 sammed2d segment: $0: neither a label map (NIfTI) nor a DICOM SEG or RT structure set\n", 'a mask that is none');
    is((segment($input, @point, '--series-number', 0, '-o', "$dir/no.nii"))[0], 1, '--series-number 0');
    write_nifti("$dir/map.nii", \@dim, \@sform, [map { $_ == 100 ? 3 : 0 } 0 .. 2399]);
    my %sidecars = ('junk' => qr/map\.nii: names nothing: \S+map\.json: not valid JSON/, '{"labels": ["x"]}' => qr/name none of its values/,
                    '{"3": "x"}' => undef, '{"EchoTime": 3}' => undef);
    for my $text (sort keys %sidecars) {
        spew("$dir/map.json", $text);
        ($status, undef, $err) = segment($input, '--mask', "$dir/map.nii", '-o', "$dir/named.nii");
        $sidecars{$text} ? like($err, $sidecars{$text}, "$text beside a mask: told") : unlike($err, qr/name/, "$text: not");
    }
    unlink "$dir/map.json";
    my @moved = ([-2, 0, 0, 25], @sform[1, 2]);
    write_nifti("$dir/map.nii", \@dim, \@moved, [map { $_ == 100 ? 3 : 0 } 0 .. 2399]);
    ($status, undef, $err) = segment($input, '--mask', "$dir/map.nii", '-o', "$dir/no.nii");
    is($status, 1, 'a mask elsewhere');
    like($err, qr/is on another grid than the volume: it has 24 x 20 x 5 voxels of [^;]* the first at \S+; the volume has 24 x 20 x 5 .* the first at/, '... and where');
}

# OpenBLAS would wait for ever for work space that it cannot have. Sanitizers need more than any limit.
SKIP: {
    skip 'built with a sanitizer', 1 if `nm $program 2>/dev/null` =~ /__asan_init/;
    my $status = status(system "(ulimit -v 450000; timeout 60 $program segment -q $input --box $box "
        . "-o $dir/small.nii) >/dev/null 2>$dir/small.err");
    is $status, 8, 'too little memory: status 8, not a hang';
}

done_testing();
