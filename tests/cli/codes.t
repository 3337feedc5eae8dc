#!/usr/bin/perl
# The table of codes: against pydicom's dictionary, and TotalSegmentator's classes that it must know.
use strict;
use warnings;
use IPC::Open2;
use Test::More;

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

# Class names of TotalSegmentator, with and without sides.
for my $class (qw(spleen kidney_right gallbladder liver stomach pancreas adrenal_gland_left
    lung_upper_lobe_left lung_middle_lobe_right esophagus trachea thyroid_gland small_bowel duodenum colon
    urinary_bladder prostate kidney_cyst_left sacrum vertebrae_S1 vertebrae_L5 vertebrae_C1 heart aorta
    pulmonary_vein brachiocephalic_trunk subclavian_artery_right common_carotid_artery_left
    brachiocephalic_vein_left atrial_appendage_left superior_vena_cava inferior_vena_cava
    portal_vein_and_splenic_vein iliac_artery_left iliac_vena_right humerus_left scapula_right
    clavicula_left femur_right hip_left spinal_cord gluteus_maximus_left gluteus_minimus_right
    autochthon_left iliopsoas_right brain skull rib_left_1 rib_right_12 sternum costal_cartilages)) {
    (my $name = lc $class) =~ tr/_/ /;
    (my $bare = $name) =~ s/ ?\b(left|right)\b//;
    (my $one = $bare) =~ s/s$//;
    ok($names{$name} || $names{$bare} || $names{$one}, $class);
}
done_testing;
