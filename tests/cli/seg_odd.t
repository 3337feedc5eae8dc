#!/usr/bin/perl
# DICOM SEG where something is odd: sizes, counts, names, character sets, and sources that lack what a SEG
# must say. Pixels are those of tests/tools/write_seg.c, judged by pydicom and numpy.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use Run;
use Test::More;
use utf8;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);
my $build = $ENV{BUILD} // 'build';
my $python = '/usr/bin/python3';
system("$python -c 'import pydicom, numpy' 2>/dev/null") == 0 or plan skip_all => 'pydicom is not installed';
my $verify = `sh -c 'command -v dciodvfy'`;
my $dir = tempdir(CLEANUP => 1);
system("$python -W ignore tests/lib/$_.py $dir") == 0 or die "$_.py failed" for qw(make_odd_series make_seg_series);

sub quoted { my ($word) = @_; $word =~ s/'/'\\''/g; utf8::encode($word); return "'$word'" }

# Writes it and returns the status.
sub write_seg {
    my ($series, $kind, $objects, @names) = @_;
    unlink "$dir/out.dcm";
    return status(system("$build/tests/write_seg $dir/$series $dir/out.dcm $kind $objects " .
        join(' ', map { quoted($_) } @names) . " > /dev/null 2> $dir/error"));
}

sub judged { return scalar `$python -W ignore tests/lib/seg_drawn.py $dir/out.dcm $dir/@_ 2>&1` }
sub errors {
    -e "$dir/out.dcm" or return 'out.dcm is not there';
    my ($status, $said) = $verify ? run("dciodvfy $dir/out.dcm 2>&1") : (0, '');
    return $status =~ /^[01]$/ ? join '', grep { /^Error/ } split /^/, $said : "$status: $said";
}

# What pydicom reads of an expression of the data set d.
sub says {
    my ($expression) = @_;
    open my $pipe, '-|:utf8', $python, '-W', 'ignore', '-c',
        "import pydicom, sys\nsys.stdout.reconfigure(encoding='utf-8')\nd = pydicom.dcmread('$dir/out.dcm')\nprint($expression)" or die;
    chomp(my $text = join '', <$pipe>);
    return $text;
}
sub labels { return says('"|".join(s.SegmentLabel for s in d.SegmentSequence)') }

# Sizes and counts: series, kind, objects => frames and segments.
for my $row (
    ['one_pixel', 'binary', 1, '1 frames, 1 segments'], ['row', 'binary', 3, '6 frames, 3 segments'],
    ['odd', 'binary', 7, '28 frames, 7 segments'], ['odd', 'fractional', 7, '28 frames, 7 segments'],
    ['odd', 'labelmap', 7, '4 frames, 7 segments'], ['row', 'fractional', 3, '6 frames, 3 segments'],
    ['one_pixel', 'labelmap', 1, '1 frames, 1 segments'],
    ['odd', 'labelmap', 255, '4 frames, 255 segments'], ['odd', 'labelmap', 256, '4 frames, 256 segments'],
    ['odd', 'binary', 300, '1200 frames, 300 segments'], ['odd', 'labelmap', 300, '4 frames, 300 segments'],
) {
    my ($series, $kind, $objects, $wanted) = @$row;
    is(write_seg($series, $kind, $objects), 0, "$series, $kind, $objects objects");
    is(judged($series, $objects), "$wanted\n", 'every pixel');
    is(errors(), '', 'dciodvfy') if $kind ne 'labelmap' && $objects < 100;
}
is(says('d.BitsAllocated'), 16, 'more than 255 objects: 16 bits');

# Names.
my $long = 'a liver whose name goes on and on and on, far beyond the 64 characters of a DICOM long string';
is(write_seg('eight', 'binary', 5, '"left" kidney\'s \\ edge', $long, "tab\there", 'same', 'same'), 0, 'odd names');
is(labels(), '"left" kidney\'s   edge|' . substr($long, 0, 64) . '|tab here|same|same', 'as far as a label can hold them');
is(errors(), '', 'dciodvfy');
is(write_seg('wide', 'binary', 1, '肝' x 70), 0, '70 characters of three bytes');
is(labels(), '肝' x 64, 'are cut between characters');
is(write_seg('eight', 'binary', 2, '', ' '), 0, 'no name at all');
is(errors(), '', 'dciodvfy');
{
    local $ENV{ALIKE} = 1;
    is(write_seg('odd', 'binary', 3), 0, 'three objects at one place');
    is(judged('odd', 3, 'alike'), "12 frames, 3 segments\n", 'have their frames');
    is(says('d.SegmentsOverlap'), 'YES', 'and overlap');
    is(write_seg('odd', 'labelmap', 3), 1, 'but not in a label map');
}

# The source's names stay as they are, ours are put into its character set as far as that goes.
for my $row (
    ['japanese', 'Yamada^Tarou=山田^太郎=やまだ^たろう', '肝臓', '肝臓'], ['korean', 'Hong^Gildong=洪^吉洞=홍^길동', '간', '간'],
    ['unicode', 'Žižka^Jan=陳^平', 'Größe 肝臓', 'Größe 肝臓'], ['chinese', 'Wang^XiaoDong=王^小东', '肝脏', '肝脏'],
    ['wide', 'A^B', 'Größe 肝臓', 'Größe 肝臓'], ['eight', 'Müller^Jörg', 'Größe 肝', 'Größe ?'],
    ['private_set', 'Müller^Jörg', 'Größe', 'Gr??e'], ['undeclared', 'Müller^Jörg', 'liver', 'liver'],
) {
    my ($series, $patient, $name, $label) = @$row;
    is(write_seg($series, 'binary', 1, $name), 0, "$series: written");
    is(says('str(d.PatientName)'), $patient, "$series: the patient's name");
    is(labels(), $label, "$series: the segment's");
    is(errors(), '', "$series: dciodvfy") unless $series =~ /private_set|undeclared/;
}

# What the source lacks.
for my $row (['no_frame', qr/no FrameOfReferenceUID/], ['no_study', qr/no StudyInstanceUID/], ['no_patient', qr/^$/],
             ['no_thickness', qr/^$/]) {
    my ($series, $warning) = @$row;
    is(write_seg($series, 'binary', 2), 0, "$series: written");
    like(slurp("$dir/error"), $warning, "$series: " . ($warning eq qr/^$/ ? 'without a word' : 'with a warning'));
    is(judged($series, 2), "4 frames, 2 segments\n", "$series: every frame has its place");
    is(errors(), '', "$series: dciodvfy");
    like(says('d.StudyInstanceUID + " " + d.FrameOfReferenceUID'), qr/^\S+ \S+$/, "$series: study and frame of reference");
}
is(write_seg('no_series', 'binary', 1), 5, 'what has no SeriesInstanceUID cannot be referred to');
is(write_seg('lossy', 'binary', 2), 0, 'a lossy source that does not say how much');
is(says('d.LossyImageCompression'), '01', 'is flagged');
is(errors(), '', 'dciodvfy');
is(write_seg('slopes', 'binary', 2), 0, 'an MR with a slope of its own for each slice');
is(errors(), '', 'dciodvfy');
done_testing;
