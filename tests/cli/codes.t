#!/usr/bin/perl
# The table of codes: against pydicom's dictionary, and every class of TotalSegmentator.
use strict;
use warnings;
use File::Temp 'tempdir';
use IPC::Open2;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $python = '/usr/bin/python3';
system("$python -c 'import pydicom' 2>/dev/null") == 0 or plan skip_all => 'pydicom is not installed';

open my $file, '<', 'src/dicom/codes.def' or die;
my $text = join '', grep { !m{^//} } <$file>;
close $file;
$text =~ s/"\s*\n\s*"//g;
my (%names, @rows);
while ($text =~ /CODE\("([^"]*)",\s*(\w+),\s*"(\d+)",\s*"([^"]*)",\s*"(\d*)",\s*"([^"]*)",\s*(\d+), (\d+), (\d+)\)/g) {
    push @rows, {names => $1, code => $3, meaning => $4, region => $5, region_meaning => $6};
    $names{$_}++ for split /\|/, $1;
}
is(scalar @rows, scalar(() = $text =~ /CODE\(/g), 'every row is read');
cmp_ok(scalar @rows, '>=', 120, 'structures, lesions and tissues');
is(join(', ', grep { $names{$_} > 1 } sort keys %names), '', 'a name stands for one thing');

# Code and meaning as the dictionary has them; it words some as "Structure of ...".
my $check = <<'PY';
import re, sys
from pydicom.sr import _concepts_dict
known = {}
for entry in _concepts_dict.concepts["SCT"].values():
    for code, (meaning, _) in entry.items():
        known.setdefault(code, []).append(meaning)
def plain(text):
    text = re.sub(r"\(.*?\)", "", text.lower().replace("peritioneum", "peritoneum"))
    return " ".join(w for w in text.split() if w not in ("structure", "of", "entire", "part"))
for line in sys.stdin:
    code, meaning = line.rstrip("\n").split("\t")
    if code not in known:
        print("unlisted")
    elif plain(meaning) in [plain(m) for m in known[code]]:
        print("good")
    else:
        print("bad", code, meaning, known[code])
PY
my @lines = map { ("$_->{code}\t$_->{meaning}", $_->{region} ? "$_->{region}\t$_->{region_meaning}" : ()) } @rows;
my $pid = open2(my $out, my $in, $python, '-c', $check);
print $in "$_\n" for @lines;
close $in;
my @verdicts = <$out>;
waitpid $pid, 0;
is(scalar @verdicts, scalar @lines, 'every code is looked up');
is(join('', grep { /^bad/ } @verdicts), '', 'codes that pydicom lists mean there what they mean here');
my $listed = grep { /^good/ } @verdicts;
cmp_ok($listed, '>=', 300, "$listed codes are listed");

# Every class of TotalSegmentator, all the way into a SEG; its codes too are the dictionary's.
my $dir = tempdir(CLEANUP => 1);
system("$python tests/lib/make_seg_series.py $dir") == 0 or die 'make_seg_series.py failed';
open $file, '<', 'tests/cli/totalsegmentator.txt' or die;
chomp(my @wanted = grep { !/^#/ } <$file>);
close $file;
my @classes = map { (split)[0] } @wanted;
is(system("$build/tests/write_seg $dir/eight $dir/all.dcm binary " . @classes . " @classes > /dev/null"), 0,
    scalar(@classes) . ' classes of TotalSegmentator in one SEG');
my $list = <<'PY';
import sys, pydicom
side = {"7771000": "left", "24028007": "right"}
def modifier(item, name):
    codes = item.get(name)
    return side[codes[0].CodeValue] if codes else "-"
for s in pydicom.dcmread(sys.argv[1]).SegmentSequence:
    kind = s.SegmentedPropertyTypeCodeSequence[0]
    region = s.get("AnatomicRegionSequence")
    print(s.SegmentLabel, kind.CodeValue, modifier(kind, "SegmentedPropertyTypeModifierCodeSequence"),
          region[0].CodeValue if region else "-",
          modifier(region[0], "AnatomicRegionModifierSequence") if region else "-")
PY
open2($out, $in, $python, '-c', $list, "$dir/all.dcm");
chomp(my @found = <$out>);
is_deeply(\@found, \@wanted, 'have the codes and sides that they should have');
done_testing;
