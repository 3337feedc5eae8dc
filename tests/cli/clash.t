#!/usr/bin/perl
# An input is never touched: whatever a command reads, no output of it may go there; and what root alone could write over.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd 'abs_path';
use Digest::SHA;
use File::Copy 'copy';
use File::Temp 'tempdir';
use Run;
use Test::More;

my $build = abs_path($ENV{BUILD} // 'build');
my ($phantom, $weights) = (abs_path('data/mr'), abs_path('weights/default.h5'));
my $dir = tempdir(CLEANUP => 1);
chdir $dir or die;

sub digest { return -e $_[0] ? Digest::SHA->new(256)->addfile($_[0])->hexdigest : 'absent' }

sub fresh {
    system('rm -rf data away w.h5 [nqz]* *.json link.nii.gz; mkdir data away');
    copy("$phantom/image.nii.gz", "data/image.nii.gz") && copy("$phantom/truth.nii.gz", "data/label.nii.gz") or die "$phantom: $!";
    copy($weights, 'w.h5') or die;
    symlink 'data/label.nii.gz', 'link.nii.gz';
    spew('p.json', '{"objects":[{"name":"a","id":1,"mask":"data/label.nii.gz"}]}');
    spew('data/image.json', '{"EchoTime":0.1}');
    spew('data/label.json', '{"objects":[{"id":1,"name":"a"}]}');
    spew('data/labels.json', '{"image":"image.nii.gz","label":"label.nii.gz","labels":{"1":"a"}}');
    spew('away/labels.json', '{"image":"../data/image.nii.gz","label":"../data/label.nii.gz","labels":{"1":"a"}}');
    spew('fixed.json', '{"a":1}');
}

my $box = '--box a=40,10,5,60,20,5';
my @tries = (    # arguments, file that must stay, what is said
    ['compare data/label.nii.gz data/image.nii.gz --csv data/image.nii.gz', 'data/image.nii.gz', qr/is an input/],
    ['compare data/label.nii.gz data/label.nii.gz --csv data/../data/label.nii.gz', 'data/label.nii.gz', qr/is an input/],
    ['compare data/label.nii.gz data/label.nii.gz --csv link.nii.gz', 'data/label.nii.gz', qr/is an input/],
    ['eval --data data --prompts box --limit 1 --objects data/label.nii.gz', 'data/label.nii.gz', qr/is labelled data/],
    ['eval -w w.h5 --data data --prompts box --limit 1 --objects w.h5', 'w.h5', qr/is a weights file/],
    ['convert w.h5 --precision int8 -o w.h5', 'w.h5', qr/is the input/],
    ['convert w.h5 -o ./w.h5', 'w.h5', qr/is the input/],
    ['train -w w.h5 --data data --steps 1 -o w.h5', 'w.h5', qr/training begins with/],
    ['train -w w.h5 --data data --steps 1 -o data/label.nii.gz', 'data/label.nii.gz', qr/is labelled data/],
    ['train -w w.h5 --data data --steps 1 -o n.h5 --log data/label.nii.gz', 'data/label.nii.gz', qr/is labelled data/],
    ['train -w w.h5 --data data --steps 1 -o n.h5 --curve data/label.nii.gz', 'data/label.nii.gz', qr/is labelled data/],
    ['train -w w.h5 --synthetic 1 --val data --steps 1 -o n.h5 --log data/label.nii.gz', 'data/label.nii.gz', qr/is labelled data/],
    ['train -w w.h5 --data data --steps 1 --resume -o n.h5 --log w.h5', 'w.h5', qr/training begins with/],
    ["segment data/image.nii.gz $box -o data/image.nii.gz", 'data/image.nii.gz', qr/is the input/],
    ['segment data/image.nii.gz --prompts p.json -o data/label.nii.gz', 'data/label.nii.gz', qr/is a mask that is read/],
    ["segment data/image.nii.gz $box -o data/image.nii", 'data/image.json', qr/belongs to data\/image\.nii\.gz/],
    ['segment data/image.nii.gz --mask data/label.nii.gz -o data/label.nii', 'data/label.json', qr/belongs to data\/label\.nii\.gz/],
    ['segment data/image.nii.gz --prompts p.json -o data/label.nii', 'data/label.json', qr/belongs to data\/label\.nii\.gz/],
    ["segment data/image.nii.gz $box --stats data/image.json", 'data/image.json', qr/belongs to data\/image\.nii\.gz/],
    ["segment data/image.nii.gz --mask data/label.nii.gz --stats data/label.json", 'data/label.json', qr/belongs to data\/label/],
    ["segment -w w.h5 data/image.nii.gz $box --stats w.json --embeddings w.json", 'absent', qr/is the file of --embeddings/],
    ['compare data/label.nii.gz data/label.nii.gz --csv data/label.json', 'data/label.json', qr/belongs to data\/label\.nii\.gz/],
    ['eval --data data --prompts box --limit 1 --objects data/labels.json', 'data/labels.json', qr/in the folder that is read/],
    ['train -w w.h5 --data data --steps 1 -o n.h5 --log data/labels.json', 'data/labels.json', qr/in the folder that is read/],
    ['slice --data data -o data/.', 'data/image2label_test.json', qr/a folder of their own/],
    # files that data name, wherever they are
    ['eval --data away --prompts box --limit 1 --objects data/label.nii.gz', 'data/label.nii.gz', qr/is labelled data/],
    ['train -w w.h5 --data away --steps 1 -o n.h5 --curve data/label.nii.gz', 'data/label.nii.gz', qr/is labelled data/],
    ['train -w w.h5 --data data --steps 1 --resume -o data/n.h5 --log data/label.nii.gz', 'data/label.nii.gz', qr/is labelled data/],
    # the model that is used when nobody names one
    ['eval --data data --prompts box --limit 1 --objects w.h5', 'w.h5', qr/is the weights file/, 'w.h5'],
    ['train --synthetic 1 --steps 1 -o n.h5 --log w.h5', 'w.h5', qr/training begins with/, 'w.h5'],
    ["segment data/image.nii.gz $box --stats w.json", 'w.json', qr/is the weights file/, 'w.json'],
    # results are added to, but only to results
    ['eval --data data --prompts box --limit 1 --results fixed.json', 'fixed.json', qr/line 1 is not a result/],
    ['eval --data data --prompts box --limit 1 --results data/labels.json', 'data/labels.json', qr/line 1 is not a result/],
    ['eval --data data --prompts box --limit 1 --results z.csv --objects z.csv', 'z.csv', qr/two outputs/],
    # what is written beside the weights
    ['train -w w.h5 --synthetic 1 --steps 1 -o q.h5 --log q.h5', 'q.h5', qr/two outputs/],
    ['train -w w.h5 --synthetic 1 --steps 1 -o q.h5 --curve q.state.h5', 'q.h5', qr/two outputs/],
    ['train -w w.h5 --synthetic 1 --steps 1 -o q.h5 --log z --curve z', 'z', qr/two outputs/],
);
for (@tries) {
    my ($arguments, $file, $why, $default) = @$_;
    fresh();
    copy($weights, $default) or die if $default;
    local $ENV{SAMMED2D_WEIGHTS} = $default if $default;
    my $before = digest($file);
    my $said = qx($build/sammed2d $arguments 2>&1 >/dev/null);
    is(status($?), $why =~ /line 1/ ? 4 : 1, substr($arguments, 0, 120)) or diag($said);
    like($said, $why, '... with a reason');
    is(digest($file), $before, '... and the file is what it was');
}

# What this program wrote beside an image, it may write again.
fresh();
unlink 'data/image.json';
for my $outputs ('--stats data/image.json', '-o data/image.nii') {
    for my $run (1 .. 2) {
        is(system("$build/sammed2d segment data/image.nii.gz $box --propagate none -q $outputs"), 0, "$outputs, run $run");
    }
}

fresh();
system("$build/sammed2d train --new tiny --synthetic 1 --steps 1 -q -o " . './' x 600 . 'q.h5') == 0 or die;
is(scalar(grep { -e } qw(q.h5 q.state.h5 q.log.jsonl q.curve.png)), 4, 'a long name has its files beside it');
spew('kept.csv', "mine\n");
chmod 0444, 'kept.csv';
my $said = qx($build/sammed2d compare data/label.nii.gz data/label.nii.gz --csv kept.csv 2>&1 >/dev/null);
is(status($?), 7, 'a write-protected file stays, for root too');
like($said, qr/write-protected/, '... with a reason');

# Options that choose, where there is nothing to choose from.
my @idle = (
    ["segment data/image.nii.gz --series 7 $box -o o.nii.gz", qr/no series to choose from/],
    ["segment $phantom/../ct-dicom --volume 3 $box -o o.nii.gz", qr/--series, not by volume 3/],
    ["segment data/image.nii.gz $box -o o.nii.gz --series-number 4", qr/no -o FILE\.dcm/],
    ['slice data/image.nii.gz --volume -7 -o pictures', qr/counts from 0/],
    ['slice --data data --volume 3 -o pictures', qr/belongs to an INPUT/],
    ['slice data/image.nii.gz --slices 500-600 -o pictures', qr/no slice was chosen/, 2],
    ["segment data/image.nii.gz $box --mask-as both -o o.nii.gz", qr/there is none/],
    ['train -w w.h5 --data data --steps 1 --epochs 1 -o n.h5', qr/exclude each other/],
    ['compare data/label.nii.gz data/label.nii.gz --labels 3,3', qr/names 3 twice/],
    ['compare data/label.nii.gz data/label.nii.gz --threads 99999', qr/from 1 to 1024/],
);
for (@idle) {
    my ($arguments, $why, $status) = @$_;
    my $said = qx($build/sammed2d $arguments 2>&1 >/dev/null);
    is(status($?), $status // 1, $arguments) or diag($said);
    like($said, $why, '... with a reason');
}
chdir '/';
done_testing;
