#!/usr/bin/perl
# sammed2d eval: figures against an independent recomputation, resuming, random choices that hang on nothing
# else, the formats, and what it refuses.
use strict;
use warnings;
use lib 'tests/lib';
use Compress::Zlib qw(compress crc32);
use Cwd 'abs_path';
use File::Temp 'tempdir';
use JSON::PP;
use Run;
use Test::More;

my $program = abs_path(($ENV{BUILD} // 'build') . '/sammed2d');
my $data = abs_path('data');
my $here = abs_path('.');
my $dir = tempdir(CLEANUP => 1);
$ENV{SAMMED2D_WEIGHTS} = abs_path('weights/default.h5');
my $step = 10;
my $some = "--data $data/ct --every-nth $step";
my $both = "--data $data/ct --data $data/mr --every-nth $step";

sub sammed2d { return run("$program @_ --threads 1") }    # threads of a busy machine wait for each other
sub lines { return split /^/, slurp($_[0]) }
# The paths in the last column of --objects, where there are any.
sub pictures { map { /([^,\n]+\.png)$/ ? $1 : () } lines($_[0]) }
sub near { my ($got, $wanted, $what) = @_; ok(abs($got - $wanted) < 1e-9, "$what: $got, $wanted") }

# ---- the figures ----
my ($status, $out, $err) = sammed2d("eval $both --orient stored --prompts box,point1,iter2",
                               "--masks $dir/masks --objects $dir/objects.csv --results $dir/all.jsonl --json");
is($status, 0, 'two phantoms are evaluated') or diag($err);
my $all = decode_json($out);
is($all->{cases}, 2, '... both cases');
is_deeply([sort keys %{$all->{prompts}}], [qw(box iter2 point1)], '... all prompts');
ok(exists $all->{labels}{liver}{prompts}{box}{dice} && exists $all->{baseline_ellipse}{dice}, '... labels and the ellipse');
my ($low, $high) = @{$all->{prompts}{box}{ci95}};
ok($low < $all->{prompts}{box}{dice} && $all->{prompts}{box}{dice} < $high, '... a mean within its interval');
ok($all->{prompts}{box}{dice} > $all->{prompts}{point1}{dice}, '... a box says more than a point');
SKIP: {
    chomp(my $python = qx(tests/lib/find-python nibabel scipy));
    skip 'no Python with nibabel and scipy', 1 unless $python;
    spew("$dir/report.json", $out);
    # Cases are named after their images; which is which is told by the data set.
    my %seen = map { $_->[2] => $_->[1] } map { [split /,/] } grep { !/^weights/ } lines("$dir/objects.csv");
    my @truths = map { my $case = $_; my ($set) = grep { $seen{$case} =~ /\b$_\b/ || $case =~ /\b$_\b/ } qw(ct mr); "$case=$data/$set/truth.nii.gz" } sort keys %seen;
    my $said = qx($python tests/lib/eval_recheck.py $step $dir/objects.csv $dir/report.json @truths 2>&1);
    ok($? == 0 && $said =~ /^1\.\.\d+$/m && $said !~ /^not ok/m, 'nibabel and scipy find the same figures') or diag($said);
    note($said);
}

# ---- resuming ----
my $lines = () = lines("$dir/all.jsonl");
($status, $out) = sammed2d("eval $both --orient stored --prompts box,point1,iter2",
                      "--masks $dir/masks --results $dir/all.jsonl --json");
my $again = decode_json($out);
is($again->{weights}[0]{encoded}, 0, 'a second run encodes nothing');
is(scalar(() = lines("$dir/all.jsonl")), $lines, '... and adds nothing');
$again->{weights}[0]{encoded} = $all->{weights}[0]{encoded};
is_deeply($again, $all, '... and says the same');
SKIP: {
    my @kept = lines("$dir/all.jsonl");
    spew("$dir/cut.jsonl", join '', @kept[0 .. 4], substr $kept[5], 0, 40);    # killed in the middle of a line
    ($status, $out) = sammed2d("eval $both --orient stored --prompts box,point1,iter2 --results $dir/cut.jsonl --json");
    my $resumed = decode_json($out);
    ok($resumed->{weights}[0]{encoded} > 0 && $resumed->{weights}[0]{encoded} < $all->{weights}[0]{encoded},
       'a run that was killed goes on where it was');
    $resumed->{weights}[0]{encoded} = $all->{weights}[0]{encoded};
    is_deeply($resumed, $all, '... to the same end');
    is_deeply([sort(lines("$dir/cut.jsonl"))], [sort @kept], '... with the same results in the file');
}

# ---- a second look at boxes ----
{
    my %seen;
    for my $zoom ('no', 2, 'no') {
        ($status, $out) = sammed2d("eval $some --zoom $zoom --prompts box,point1 --results $dir/zoom.jsonl --json");
        my $figures = decode_json($out);
        is($figures->{weights}[0]{zoom}, $zoom eq 'no' ? 1 : $zoom, "--zoom $zoom");
        is($figures->{prompts}{box}{dice}, $seen{no}, '... is not taken for another in the results') if $seen{no} && $zoom eq 'no';
        $seen{$zoom} = $figures->{prompts}{box}{dice};
        $seen{point} //= $figures->{prompts}{point1}{dice};
        is($figures->{prompts}{point1}{dice}, $seen{point}, '... leaves points alone');
    }
    isnt($seen{2}, $seen{no}, 'a box is answered another way');
    ($status, $out) = sammed2d("eval $some --zoom 2 --prompts box --format markdown");
    like($out, qr/boxes also seen from near \(zoom 2\)/, '... and the report says so');
}

is((sammed2d("eval $some --zoom 2 --reference-quirks"))[0], 1, 'the reference looks once');

# ---- mirrors ----
{
    my %seen;
    for my $mirrors ('no', 4, 'no') {
        ($status, $out) = sammed2d("eval $some --zoom no --mirrors $mirrors --prompts box,point1 --results $dir/mirrors.jsonl --json");
        my $figures = decode_json($out);
        is($figures->{weights}[0]{mirrors}, $mirrors eq 'no' ? 1 : $mirrors, "--mirrors $mirrors");
        for my $prompt (qw(box point1)) {
            is($figures->{prompts}{$prompt}{dice}, $seen{$prompt}{no}, "... is not taken for another in the results: $prompt")
                if $seen{$prompt}{no} && $mirrors eq 'no';
            $seen{$prompt}{$mirrors} = $figures->{prompts}{$prompt}{dice};
        }
    }
    isnt($seen{$_}{4}, $seen{$_}{no}, "a $_ is answered another way") for qw(box point1);
    ($status, $out) = sammed2d("eval $some --mirrors 4 --prompts box --format markdown");
    like($out, qr/pictures seen in 4 images, mirrored ones included/, '... and the report says so');
}
is((sammed2d("eval $some --mirrors 4 --reference-quirks"))[0], 1, 'the reference has no mirror');

# ---- points that correct a mask ----
{
    my %by;
    for my $choice (qw(box points)) {
        ($status, $out) = sammed2d("eval $some --zoom no --mirrors no --multimask $choice --prompts box,point1,point5,iter4 --json");
        $by{$choice} = decode_json($out)->{prompts};
    }
    is($by{points}{$_}{dice}, $by{box}{$_}{dice}, "--multimask points: $_ has nothing to correct") for qw(box point1 point5);
    isnt($by{points}{iter4}{dice}, $by{box}{iter4}{dice}, '... and corrections are answered another way');
}
is((sammed2d("eval $some --multimask points --reference-quirks"))[0], 1, 'the reference goes by predicted IoU');
# The second weights are refused, after the first have been asked.
system("perl $here/tests/lib/make_pth.pl zip,float,sam $dir/sam.pth && $program convert -q $dir/sam.pth --kind sam -o $dir/sam.h5") == 0 or die;
($status, undef, my $why) = sammed2d("eval $some -w $here/weights/default.h5 -w $dir/sam.h5 --mirrors 4 --prompts box --limit 2");
is($status, 1, 'weights without mirrors beside others');
like($why, qr/sam\.h5: these weights are shown pictures with a padding/, '... are named');

system("cp $here/weights/default.h5 $dir/w2.h5") == 0 or die;
($status, undef, $err) = sammed2d("eval $some -w $here/weights/default.h5 -w $dir/w2.h5 --zoom no --mirrors no --prompts box",
                             "--limit 2 --masks $dir/mk2 --objects $dir/mk2.csv");
is($status, 0, 'masks of two weights') or diag($err);
my @pictures = pictures("$dir/mk2.csv");
is(scalar(@pictures), 4, '... one for each object and weights');
is_deeply([grep { !-e } @pictures], [], '... where the CSV says');
is_deeply([sort map { m{/mk2/([^/]+)/} } @pictures], [qw(1-default 1-default 2-w2 2-w2)], '... and the manual');

# ---- random choices hang on nothing else ----
my ($box, $points) = map { decode_json((sammed2d("eval $some --prompts $_ --json"))[1]) } 'point3,iter1', 'point1,box,point3';
near($points->{prompts}{point3}{dice}, $box->{prompts}{point3}{dice}, 'point3 does not depend on what else is asked');
near($points->{prompts}{point1}{dice}, $box->{prompts}{iter1}{dice}, 'the first iterative point is point1');
my ($other) = map { decode_json((sammed2d("eval $some --prompts $_ --json --seed 3"))[1]) } 'point3';
isnt($other->{prompts}{point3}{dice}, $box->{prompts}{point3}{dice}, 'another seed, other points');
my ($few) = decode_json((sammed2d("eval $both --prompts box --limit 25 --json"))[1]);
is($few->{objects}, 25, '--limit takes so many objects');
my $jitter = decode_json((sammed2d("eval $some --prompts box --jitter 0.1 --json"))[1]);
ok($jitter->{baseline_ellipse}{dice} < $box->{baseline_ellipse}{dice}, '--jitter makes boxes worse');
my $whole = decode_json((sammed2d("eval $some --prompts box --component all --json"))[1]);
ok($whole->{objects} >= $box->{objects}, '--component all counts all of a label');

# ---- several weights, formats ----
($status, $out) = sammed2d("eval $some --prompts box -w $ENV{SAMMED2D_WEIGHTS} -w $ENV{SAMMED2D_WEIGHTS} --json");
my $two = decode_json($out);
is(scalar @{$two->{weights}}, 2, 'two weights side by side');
near($two->{weights}[0]{prompts}{box}{dice}, $two->{weights}[1]{prompts}{box}{dice}, 'the same weights, the same figures');
($status, $out) = sammed2d("eval $some --prompts box --format markdown");
like($out, qr/^\| data set \| objects .*\n\|---\|/m, 'Markdown');
like($out, qr/^\| liver \|/m, '... with labels');
($status, $out) = sammed2d("eval $some --prompts box --format csv");
my %csv = map { my @cell = split /,/; ("$cell[0] $cell[1] $cell[3]" => $cell[7]) } split /\n/, $out;
ok(abs($csv{'all all ellipse'} - $box->{baseline_ellipse}{dice}) < 1e-6, 'CSV says what JSON says');
($status, $out) = sammed2d("eval $some --prompts box");
like($out, qr/^\(no network\) +ellipse +\d+ +0\.\d{3}/m, 'text');
($status, $out) = sammed2d("eval $some --prompts box,iter2 --reference-quirks --json");
is($status, 0, '--reference-quirks');
my $quirks = decode_json($out);
like($quirks->{reference_quirks}, qr/^1$/, '... says so');
ok(abs($quirks->{baseline_ellipse}{dice} - $whole->{baseline_ellipse}{dice}) < 0.01, '... the trivial answers stay');

# ---- lower precisions ----
for my $precision (qw(bf16 int8)) {
    my $kept = "--results $dir/precise.jsonl";
    my ($float) = decode_json((sammed2d("eval $some --prompts box $kept --json"))[1]);
    ($status, $out, $err) = sammed2d("eval $some --prompts box $kept --precision $precision --json");
    is($status, 0, "--precision $precision") or diag($err);
    my $lower = decode_json($out);
    is_deeply([map { $_->{weights}[0]{precision} } $float, $lower], ['float32', $precision], '... says so');
    ok($lower->{weights}[0]{encoded} > 0, "... float32's results are not taken for its own");
    my ($exact, $rounded) = map { $_->{prompts}{box}{dice} } $float, $lower;
    ok(abs($exact - $rounded) < 0.02, "... close to float32's: $exact, $rounded");
    my ($says, $says_rounded) = map { $_->{prompts}{box}{predicted_iou_error} } $float, $lower;
    ok($says != $says_rounded, "... but not the same: $says, $says_rounded");
    sammed2d("convert $ENV{SAMMED2D_WEIGHTS} --precision $precision -o $dir/$precision.h5");
    my $packed = decode_json((sammed2d("eval $some --prompts box -w $dir/$precision.h5 --json"))[1]);
    is($packed->{weights}[0]{precision}, $precision, '... weights packed for it keep it');
    near($packed->{prompts}{box}{dice}, $rounded, '... and give the same figures');
    like((sammed2d("eval $some --prompts box --precision $precision $kept"))[1], qr/encoder in $precision/, '... in the text, too');
}

# ---- data sets of one name ----
for my $case (['da', 'ct'], ['db', 'mr']) {
    mkdir "$dir/$case->[0]";
    system("cp -r $data/$case->[1] $dir/$case->[0]/same") == 0 or die;
}
symlink "$dir/da/same", "$dir/alias";
my $namesakes = "--data $dir/da/same --data $dir/db/same --every-nth $step";
my $quick = '--zoom no --mirrors no --prompts box';
($status, $out, $err) = sammed2d("eval $namesakes $quick --masks $dir/apart --objects $dir/apart.csv --json");
is($status, 0, 'two data sets of one name') or diag($err);
my $apart = decode_json($out);
is_deeply([sort keys %{$apart->{datasets}}], ['da/same', 'db/same'], '... are told apart');
is($apart->{prompts}{box}{subjects}, 2, '... and so are their subjects');
my %drawn = map { $_ => 1 } pictures("$dir/apart.csv");
is(scalar(grep { -e } keys %drawn), $apart->{objects}, '... and their masks');
for my $again ("$dir/da/same", "$dir/alias", "$dir/da/same/labels.json") {
    ($status, $out, $err) = sammed2d("eval --data $dir/da/same --data $again $quick");
    is($status, 1, "the same data twice: $again");
    like($err, qr/are the same data, whose cases would count twice/, '... says so');
}

# ---- volumes ----
SKIP: {
    skip 'no Python with nibabel', 1 if system('tests/lib/python', '--there');
    my $said = qx(tests/lib/python tests/lib/eval_volume.py $program $data/mr $dir 2>&1);
    ok($? == 0 && $said =~ /^1\.\.\d+$/m && $said !~ /^not ok/m, 'volumes: as segment, asked by hand') or diag($said);
    note($said);
}

# ---- SAM-Med2D's layout, and its fixed prompts ----
sub png {    # grey, from a sub of x and y
    my ($path, $width, $height, $grey) = @_;
    my $rows = join '', map { my $y = $_; "\0" . join '', map { chr $grey->($_, $y) } 0 .. $width - 1 } 0 .. $height - 1;
    my $chunk = sub { pack('N', length $_[1]) . $_[0] . $_[1] . pack('N', crc32($_[0] . $_[1])) };
    spew($path, join '', "\x89PNG\r\n\x1a\n", $chunk->('IHDR', pack('NNC5', $width, $height, 8, 0, 0, 0, 0)),
        $chunk->('IDAT', compress($rows)), $chunk->('IEND', ''));
}
mkdir "$dir/$_" for qw(sam sam/images sam/masks);
my %sizes = (small => [60, 40], large => [300, 280]);
my (%layout, %fixed);
for my $name (sort keys %sizes) {
    my ($w, $h) = @{$sizes{$name}};
    my ($cx, $cy, $rx, $ry) = ($w * 0.45, $h * 0.55, $w * 0.2, $h * 0.25);
    my $in = sub { (($_[0] - $cx) / $rx) ** 2 + (($_[1] - $cy) / $ry) ** 2 <= 1 };
    png("$dir/sam/images/$name.png", $w, $h, sub { $in->(@_) ? 180 + $_[0] % 7 : 60 + $_[1] % 9 });
    png("$dir/sam/masks/${name}_liver_000.png", $w, $h, sub { $in->(@_) ? 255 : 0 });
    $layout{"sam/masks/${name}_liver_000.png"} = "sam/images/$name.png";
    $fixed{"${name}_liver_000.png"} = {boxes => [[20, 30, 90, 100]], point_coords => [[50, 60]], point_labels => [1]};
}
spew("$dir/sam/label2image_test.json", encode_json(\%layout));
my ($w, $h) = @{$sizes{small}};    # its own box, where the reference's loader has it: centred in 256 x 256
my ($left, $top) = (int((256 - $w) / 2), int((256 - $h) / 2));
($status, $out, $err) = sammed2d("eval --data $dir/sam --prompts box --objects $dir/sam.csv --json");
is($status, 0, "SA-Med2D's layout") or diag($err);
my $own = decode_json($out);
is($own->{objects}, 2, '... both pictures');
ok(exists $own->{labels}{liver}, '... objects are named after their files');
for (map { [split /,/] } lines("$dir/sam.csv")) {
    my ($case, $prompt, @box) = @$_[2, 13, 9 .. 12];
    next unless $case =~ /small/ && $prompt eq 'box';
    $fixed{'small_liver_000.png'}{boxes} = [[$box[0] + $left, $box[1] + $top, $box[2] + $left, $box[3] + $top]];
}
delete $fixed{'large_liver_000.png'};    # asked with its own
spew("$dir/fixed.json", encode_json(\%fixed));
for my $quirks ('', '--reference-quirks') {
    my ($without, $with) = map { decode_json((sammed2d("eval --data $dir/sam --prompts box $quirks --json $_"))[1]) } '', "--fixed $dir/fixed.json";
    near($with->{prompts}{box}{dice}, $without->{prompts}{box}{dice}, "the object's own box as fixed prompt $quirks");
}
$fixed{'small_liver_000.png'}{boxes} = [[$left, $top, $left + 8, $top + 8]];
spew("$dir/fixed.json", encode_json(\%fixed));
my $astray = decode_json((sammed2d("eval --data $dir/sam --prompts box --json --fixed $dir/fixed.json"))[1]);
ok($astray->{prompts}{box}{dice} < $own->{prompts}{box}{dice}, 'a fixed box elsewhere is really used');

# ---- refusals ----
my @refused = (
    ['eval', 1, qr/no data given/], ["eval $data/ct", 1, qr/--data/], ["eval $some --prompts boxes", 1, qr/no kind of prompt/],
    ["eval $some --precision int4", 1, qr/float32, bf16, int8/],
    ["eval $some --volume four", 1, qr/no way to prompt/], ["eval $some --jitter 2", 1, qr/from 0 to 1/],
    ["eval $some --component some", 1, qr/largest, all/], ["eval --data $dir/absent", 2, qr/absent/],
    ["eval $some -w $dir/absent.h5", 6, qr/absent/], ["eval $some --min-pixels 65536", 2, qr/no objects/],
    ["eval $some --results $dir/objects.csv", 4, qr/line 1 is not a result/],
    ["eval $some --objects $dir/absent/x.csv", 7, qr/absent/], ["eval $some --fixed $dir/absent.json", 2, qr/absent/]);
for (@refused) {
    my ($command, $expected, $says) = @$_;
    ($status, $out, $err) = sammed2d("$command -q");
    is($status, $expected, "status $expected: $command") or diag($err);
    like($err, $says, '... in words');
    is($out, '', '... and no table');
}
done_testing;
