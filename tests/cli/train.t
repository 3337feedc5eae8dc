#!/usr/bin/perl
# sammed2d train: a small model on generated pictures and on a small data set; the same options give the same
# bytes, a run that was stopped goes on exactly, and what comes out can be used.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use Run;
use Test::More;

my $program = ($ENV{BUILD} // 'build') . '/sammed2d';
my $dir = tempdir(CLEANUP => 1);
my $small = "--new tiny --image-size 64 --synthetic 1 --batch 2 --masks 2 --rounds 2 --points 1,3 --threads 1 -q";

sub train { return run("$program train @_ 2>&1") }

# ---- the same twice, and in two parts ----
my ($status, $out) = train("$small --steps 6 --ema 0.9 --schedule cosine --warmup 2 -o $dir/a.h5 --name same --report-every 2");
is($status, 0, 'six steps') or diag $out;
is($out, '', 'nothing is said with -q');
($status) = train("$small --steps 6 --ema 0.9 --schedule cosine --warmup 2 -o $dir/b.h5 --name same --report-every 2");
is($status, 0, 'six steps again');
ok(slurp("$dir/a.h5") eq slurp("$dir/b.h5"), 'the same options give the same weights file');
($status) = train("$small --steps 6 --ema 0.9 --schedule cosine --warmup 2 -o $dir/c.h5 --name same --seed 1");
ok(slurp("$dir/a.h5") ne slurp("$dir/c.h5"), 'another seed gives another one');

(my $two = $small) =~ s/--threads 1/--threads 2/;
train("$two --steps 4 --seed 5 --name same --save-every 2 -o $dir/$_.h5") for 'two1', 'two2';
ok(slurp("$dir/two1.h5") eq slurp("$dir/two2.h5"), 'and so they do on two threads');
train("$two --steps 2 --seed 5 --name same -o $dir/two3.h5");
train("$two --steps 4 --seed 5 --name same --resume -o $dir/two3.h5");
ok(slurp("$dir/two3.h5") eq slurp("$dir/two1.h5"), 'in two parts too');

(my $from = $small) =~ s/--new tiny --image-size 64/-w $dir\/a.h5/;
train("$from --steps 4 --name same -o $dir/from1.h5");
train("$from --steps 2 --name same -o $dir/from2.h5");
train("$from --steps 4 --name same --resume -o $dir/from2.h5");
ok(slurp("$dir/from1.h5") eq slurp("$dir/from2.h5"), 'and from other weights, which the file names');

my $long = "$small --steps 100000 --report-every 3 --save-every 2 --name same";
my $pid = fork // die;
if (!$pid) { open STDERR, '>', '/dev/null'; exec split / /, "$program train $long -o $dir/d.h5" or die }
for (1 .. 600) { last if -s "$dir/d.log.jsonl" && (() = slurp("$dir/d.log.jsonl") =~ /\n/g) >= 2; select undef, undef, undef, 0.1 }
kill TERM => $pid;
waitpid $pid, 0;
is(status($?), 9, 'SIGTERM ends it with status 9');
ok(-s "$dir/d.state.h5" && -s "$dir/d.h5", 'state and weights are saved');
my ($stopped) = (sort { $b <=> $a } slurp("$dir/d.log.jsonl") =~ /"step":(\d+)/g)[0];
my $more = $stopped + 3;
(my $rest = $long) =~ s/100000/$more/;
($status, $out) = train("$rest --resume -o $dir/d.h5");
is($status, 0, 'the run goes on') or diag $out;
($status) = train("$rest -o $dir/e.h5");
is($status, 0, 'and once in one go');
sub numbers { my ($text) = @_; $text =~ s/"seconds":[^,]*,//g; return $text }
is(numbers(slurp("$dir/d.log.jsonl")), numbers(slurp("$dir/e.log.jsonl")), 'with the same losses to the last digit');
ok(slurp("$dir/d.h5") eq slurp("$dir/e.h5"), 'and the same weights');
($status, $out) = train("$small --steps 9 --lr 0.5 --resume -o $dir/d.h5");
is($status, 1, 'a run is not gone on with under other options');
like($out, qr/other options/, 'and that is said');

($status, $out) = train("$small --steps 9 --resume -o $dir/never.h5");
is($status, 2, 'nor one that was never begun');
like($out, qr/never\.state\.h5: not there/, 'and that is said');

# ---- a run that would be replaced ----
my @before = map { slurp("$dir/b$_") } '.h5', '.state.h5', '.log.jsonl';
($status, $out) = train("$small --steps 1 --seed 7 -o $dir/b.h5");
is($status, 1, 'a state that is there is not replaced without a word');
like($out, qr/b\.state\.h5: is the state of an earlier run.*--resume goes on with it; to begin anew, give another -o/, 'which is said');
is_deeply([map { slurp("$dir/b$_") } '.h5', '.state.h5', '.log.jsonl'], \@before, 'all of it is as it was');

# ---- numbers of the protocol ----
my $step = "$small --mask-only 0 --name same --schedule step";
train("$step --steps 2 -o $dir/plain.h5");
train("$step --steps 2 --focal 0.25,2 --dice-smooth 1 --threshold 0.5 --adam-eps 1e-8 -o $dir/told.h5");
ok(slurp("$dir/plain.h5") eq slurp("$dir/told.h5"), 'defaults are what the manual says');
for my $other ('--focal 0.4,2', '--focal 0.25,1.5', '--dice-smooth 2', '--threshold 0.51', '--adam-eps 1e-3', '--lr-steps 0.1,0.5,1') {
    unlink "$dir/told.state.h5";
    ($status, $out) = train("$step --steps 2 $other -o $dir/told.h5");
    is($status, 0, "with $other") or diag $out;
    ok(slurp("$dir/told.h5") ne slurp("$dir/plain.h5"), 'other weights come out');
    ($status, $out) = train("$step --steps 3 --resume -o $dir/told.h5");
    is($status, 1, 'and it is not gone on with without');
    like($out, qr/made with other options: [a-z-]+=[\d.e-]+, not [a-z-]+=/, 'what differs is named');
}

# ---- updates of several batches are whole ----
my $several = "$small --accumulate 2 --name same";
train("$several --steps 4 -o $dir/even.h5");
train("$several --steps 3 -o $dir/odd.h5");
ok(slurp("$dir/even.h5") eq slurp("$dir/odd.h5"), 'a run ends with an update');
train("$several --steps 2 -o $dir/parts.h5");
train("$several --steps 4 --resume -o $dir/parts.h5");
ok(slurp("$dir/parts.h5") eq slurp("$dir/even.h5"), 'and goes on after it');

sub value { my ($key, $log) = @_; return slurp($log) =~ /"$key":([\d.e+-]+)/ ? $1 : 'missing' }
my $known = "-w $dir/a.h5 --synthetic 1 --masks 2 --rounds 0 --box-share 1 --jitter 0 --train all --threads 1 -q"; # nothing is drawn
train("$known --batch 2 --steps 1 -o $dir/at_once.h5");
train("$known --batch 1 --accumulate 2 --steps 2 -o $dir/one_by_one.h5");
for ('loss', 'gradient_norm') {
    my ($one, $other) = (value($_, "$dir/at_once.log.jsonl"), value($_, "$dir/one_by_one.log.jsonl"));
    ok($one > 0 && abs($one - $other) < 1e-5 * $one, "two batches of one have the $_ of one of two") or diag "$one, $other";
}

# ---- files that cannot be written ----
my $whole = slurp("$dir/even.state.h5");
$status = status(system("ulimit -f 45000; exec $program train $several --steps 8 --resume -o $dir/even.h5 >$dir/said 2>&1"));
is($status, 7, 'a state that has no room is an error') or diag slurp("$dir/said");
ok(slurp("$dir/even.state.h5") eq $whole, 'which leaves the old one whole');
ok(slurp("$dir/even.h5") ne slurp("$dir/odd.h5"), 'and the weights are saved all the same');

SKIP: {
    skip 'built with a sanitizer', 2 if `nm $program 2>/dev/null` =~ /__asan_init/;
    $status = system("(ulimit -v 1500000; exec $program train --new tiny --synthetic 1 --steps 1 --batch 16 --masks 8 --rounds 0 --threads 1 "
                     . "--checkpointing no -q -o $dir/large.h5) >$dir/said 2>&1");
    is($status, 8 << 8, 'too little memory is an error');
    like(slurp("$dir/said"), qr/^sammed2d train: out of memory: \d+ MB for the network's activations$/, 'that is said');
}

# ---- what comes out ----
is(system("$program weights $dir/a.h5 >/dev/null"), 0, 'the weights file is sound');
like(qx($program weights $dir/a.h5), qr/trained by sammed2d \S+ from nothing on generated pictures/, 'and says where it comes from');
my @lines = split /\n/, slurp("$dir/a.log.jsonl");
is(scalar @lines, 3, 'the log has a line a report');
like($lines[0], qr/^\{"step":2,.*"loss":[\d.]+.*"dice_last":[\d.e-]+/, 'with loss and Dice');
like(slurp("$dir/a.curve.png"), qr/^\x89PNG/, 'the learning curve is a PNG');
($status) = train("$small --protocol sam-med2d --accumulate 2 --optimizer adam --steps 4 -o $dir/f.h5");
is($status, 0, 'the published protocol, and updates of two batches');
($status) = train("$small --component largest --first-points 1,3,5 --box-share 0 --steps 3 -o $dir/points.h5");
is($status, 0, 'several points at first, of the largest component');
($status, $out) = train("$small --first-points 0 --steps 3 -o $dir/x.h5");
is($status, 1, 'no points are refused');
like($out, qr/--first-points takes up to 8 numbers/, 'with the reason');
($status) = train("$small --train decoder --outputs both --choose lowest --checkpointing yes --steps 2 -o $dir/g.h5");
is($status, 0, 'the decoder alone, both outputs');

# ---- a model without adapters ----
system($^X, 'tests/lib/make_pth.pl', 'zip,float,sam', "$dir/sam.pth");
is(system("$program convert -q $dir/sam.pth --kind sam -o $dir/sam.h5"), 0, 'a model as SAM is');
($status, $out) = train("$small --keep-prompts --rounds 30 -o $dir/many.h5");
is($status, 1, "more points than a prompt may have");
like($out, qr/with --keep-prompts the last round would have up to 91 points, expected at most 64/, "... and how many");
($status, $out) = train("-w $dir/sam.h5 --synthetic 1 --batch 1 --masks 1 --rounds 0 --steps 1 --threads 1 -o $dir/sam_trained.h5");
is($status, 0, 'it is trained') or diag $out;
like($out, qr/has no adapters: prompt encoder and decoder are trained/, 'without adapters, which is said');
($status, $out) = train("-w $dir/sam.h5 --train all --synthetic 1 --batch 1 --masks 1 --rounds 0 --steps 1 --threads 1 -o $dir/sam_all.h5");
is("$status $out", '0 ', 'all of it, without a word');

# ---- pictures of another size ----
($status, $out) = train("-w $dir/a.h5 --image-size 128 --synthetic 1 --batch 1 --masks 1 --rounds 0 --steps 1 -q -o $dir/larger.h5");
is($status, 0, 'training goes on at another size') or diag $out;
my $larger = qx($program weights $dir/larger.h5);
like($larger, qr/128/, 'which the weights say');
($status, $out) = train("-w $dir/a.h5 --image-size 100 --synthetic 1 --steps 1 -o $dir/x.h5");
is($status, 1, 'a size that patches do not divide is refused');
like($out, qr/--image-size 100: a multiple of the patch size 16/, 'with the reason');

# ---- pictures are as they are stored, unless they are to be windowed ----
SKIP: {
    skip 'no zlib for Perl', 2 unless eval { require Compress::Zlib; 1 };
    my $chunk = sub { my ($kind, $data) = @_; pack('N', length $data) . $kind . $data . pack('N', Compress::Zlib::crc32($kind . $data)) };
    my $png = sub {
        my ($path, $grey) = @_;
        my $rows = join '', map { my $y = $_; chr(0) . join '', map { chr $grey->($_, $y) } 0 .. 63 } 0 .. 63;
        spew($path, join '', "\x89PNG\r\n\x1a\n", $chunk->('IHDR', pack('NNC5', 64, 64, 8, 0, 0, 0, 0)),
            $chunk->('IDAT', Compress::Zlib::compress($rows)), $chunk->('IEND', ''));
    };
    mkdir "$dir/png";
    mkdir "$dir/png/$_" for 'images', 'labels';
    my $inside = sub { my ($x, $y) = @_; $x > 20 && $x < 50 && $y > 10 && $y < 40 };
    $png->("$dir/png/images/a.png", sub { 80 + ($_[0] * 7 + $_[1] * 3) % 20 + ($inside->(@_) ? 20 : 0) });
    $png->("$dir/png/labels/a.png", sub { $inside->(@_) ? 1 : 0 });
    my $one = "--data $dir/png --new tiny --image-size 64 --batch 1 --masks 1 --rounds 0 --steps 1 --threads 1 --name same -q";
    train("$one -o $dir/as_it_is.h5");
    train("$one --window stored -o $dir/stored.h5");
    train("$one --window minmax -o $dir/minmax.h5");
    ok(slurp("$dir/as_it_is.h5") eq slurp("$dir/stored.h5"), '--window stored is what happens to a PNG anyway');
    ok(slurp("$dir/minmax.h5") ne slurp("$dir/stored.h5"), '--window minmax is not');
}

# ---- labelled data ----
{
    mkdir "$dir/data";
    for my $n (1 .. 4) {
        mkdir "$dir/data/$_" for 'images', 'labels';
        qx(cp data/ct/image.nii.gz $dir/data/images/case$n.nii.gz; cp data/ct/truth.nii.gz $dir/data/labels/case$n.nii.gz);
    }
    my $data = "--data $dir/data --hold-out 4 --new tiny --image-size 64 --batch 2 --masks 2 --rounds 1 --threads 1";
    ($status, $out) = train("$data --steps 3 --val-slices 2 --plane all -v -o $dir/h.h5");
    is($status, 0, 'a folder of volumes') or diag $out;
    like($out, qr/training on \d+ slices of 3 cases/, 'three subjects are learned from');
    like($out, qr/held out: \d+ slices of 1 cases/, 'the fourth is held out');
    like(slurp("$dir/h.log.jsonl"), qr/"val_box":[\d.]+/, 'its Dice is reported');
    ($status, $out) = train("$small --val $dir/data --subjects 'no such name' --steps 2 --val-slices 2 -o $dir/val.h5");
    is($status, 0, 'other data to look at, with --val') or diag $out;
    like(slurp("$dir/val.log.jsonl"), qr/"step":2,.*"val_box":[\d.]+,"val_point":[\d.]+,"val_last":[\d.]+/, 'their Dice is reported');
    ($status, $out) = train("--data $dir/data --new tiny --image-size 64 --min-mask 90 --threads 1 -o $dir/i.h5");
    is($status, 2, 'nothing large enough to learn from') or diag $out;
    ($status, $out) = train("--data data/ct --data $dir/data $data --rounds 0 --steps 1 --name same -v -o $dir/two.h5");
    is($status, 0, 'several data sets') or diag $out;
    like($out, qr/training on \d+ slices of 6 cases/, 'each split by itself');
    ($status, $out) = train("$data --rounds 0 --steps 2 --name same --resume -o $dir/two.h5");
    like($out, qr/other slices/, 'without one of them it is another run');
    mkdir "$dir/nnunet";
    for my $part ('Tr', 'Ts') {
        mkdir "$dir/nnunet/$_$part" for 'images', 'labels';
        qx(cp data/ct/image.nii.gz $dir/nnunet/images$part/a${part}_0000.nii.gz; cp data/ct/truth.nii.gz $dir/nnunet/labels$part/a$part.nii.gz);
    }
    spew("$dir/nnunet/dataset.json", '{"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1}, "numTraining": 1, "file_ending": ".nii.gz"}');
    my $nnunet = "--data $dir/nnunet --new tiny --image-size 64 --masks 1 --rounds 0 --threads 1 --steps 1 --val-slices 1 -v";
    ($status, $out) = train("$nnunet -o $dir/nnunet.h5");
    is($status, 0, 'nnU-Net\'s layout') or diag $out;
    like($out, qr/training on \d+ slices of 1 cases/, 'its test cases are not learned from');
    like($out, qr/held out: \d+ slices of 1 cases/, 'but looked at');
    ($status, $out) = train("$nnunet --val $dir/data -o $dir/nnunet_val.h5");
    is($status, 0, 'with other data to look at') or diag $out;
    like($out, qr/training on \d+ slices of 1 cases/, 'they are not learned from either');
    like($out, qr/held out: \d+ slices of 4 cases/, 'nor looked at');
    ($status, $out) = train("--data data/ct --hold-out 5 --new tiny --image-size 64 -o $dir/x.h5");
    is($status, 2, 'the only subject cannot be held out');
    like($out, qr/--hold-out 5 leaves none of 1 cases/, 'with the reason');
}

# ---- mistakes ----
my @wrong = (["--synthetic 1 --steps 1", qr/-o OUT/], ["-o $dir/x.h5", qr/--data or --synthetic/],
             ["$small -o $dir/x.h5 --train everything", qr/--train takes one of adapters, decoder, encoder, all/],
             ["$small -o $dir/x.h5 --points 0", qr/--points takes/], ["$small -o $dir/x.h5 --loss 1,2", qr/--loss takes 3/],
             ["$small -o $dir/x.h5 --batch 0", qr/--batch takes a number from 1/],
             ["$small -o $dir/x.h5 --steps 0", qr/--steps takes a number from 1/],
             ["$small -o $dir/x.h5 --focal 2,2", qr/ALPHA takes a number from 0 to 1/],
             ["$small -o $dir/x.h5 --dice-smooth 0", qr/--dice-smooth takes/], ["$small -o $dir/x.h5 --betas 1,0.9", qr/--betas takes/],
             ["$small -o $dir/x.h5 --curve /nowhere/x.png", qr/nowhere/], ["$small -o $dir/x.h5 --hold-out 5", qr/--hold-out needs --data/],
             ["--new tiny --image-size 2048 --synthetic 1 -o $dir/x.h5", qr/sides of 32 to 1024 pixels/],
             ["--new tiny --synthetic 0.5 -o $dir/x.h5", qr/--data or --synthetic 1/],
             ["--new huge --synthetic 1 -o $dir/x.h5", qr/--new takes tiny/],
             ["$small -o /nowhere/x.h5", qr/nowhere/]);
for (@wrong) {
    my ($options, $why) = @$_;
    ($status, $out) = train($options);
    is($status, $options =~ /nowhere/ ? 7 : 1, "refused: $options");
    like($out, $why, '... with the reason');
}
done_testing;
