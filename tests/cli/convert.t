#!/usr/bin/perl
# sammed2d convert: both containers, all options, what is refused, and that nothing of a pickle is run.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd 'abs_path';
use File::Temp 'tempdir';
use JSON::PP;
use Run;
use Test::More;

my $program = abs_path(($ENV{BUILD} // 'build') . '/sammed2d');
my $maker = abs_path('tests/lib/make_pth.pl');
my $golden = -d '../shared/golden/checkpoints' ? abs_path('../shared/golden/checkpoints') : undef;
my $home = abs_path('.');
my $dir = tempdir(CLEANUP => 1);
chdir $dir or die;

sub make { my ($kind) = @_; system($^X, $maker, $kind, "$kind.pth") == 0 or die; return "$kind.pth" }
sub sammed2d { return run("$program @_") }
sub weights { my ($status, $out) = sammed2d('weights --json', @_); return $status ? {status => $status} : decode_json($out) }

for my $kind ('zip', 'stream', 'zip,half', 'stream,wrapped,module', 'zip,wrapped') {
    my ($status, $out, $err) = sammed2d('convert', make($kind), '-o', 'out.h5');
    is($status, 0, "$kind converts");
    is("$out$err", '', '... without a word');
    my $w = weights('out.h5');
    is($w->{tensors}, 186, '... all tensors are there');
    is($w->{stored_as}, $kind =~ /half/ ? 'float16' : 'float32', '... in their own precision');
    my $c = $w->{configuration};
    is_deeply([@$c{qw(image_size patch_size embed_dim depth num_heads window_size adapter_hidden prompt_dim mask_in_chans
                      decoder_depth decoder_mlp_dim decoder_downsample mask_tokens iou_head_depth iou_head_hidden)}],
              [64, 16, 32, 2, 2, 3, 8, 32, 8, 2, 64, 2, 4, 3, 32], '... the configuration is inferred');
    is_deeply($c->{global_attn_indexes}, [1], '... global blocks too');
    is($w->{kind}, 'sam-med2d', '... adapters tell the kind');
    is($w->{orientation}, 'sa-med2d', '... and how slices were shown');
    like($w->{provenance}, qr/^converted from \Q$kind\E\.pth by sammed2d/, '... where it came from');
    is($w->{source_sha256}, (split ' ', qx(sha256sum $kind.pth))[0], '... and which file exactly');
}

# The same checkpoint gives the same bytes; both containers hold the same values.
sammed2d('convert', 'zip.pth', '-o', 'again.h5');
sammed2d('convert', 'zip.pth', '-o', 'out.h5');
is(system('cmp', '-s', 'out.h5', 'again.h5'), 0, 'the same bytes each time');

my %kinds = (    # normalization, orientation, resize, mask prompt, three masks
    'sam-med2d' => ['minmax', 'sa-med2d', 'sam-med2d', 'sigmoid', 1],
    'ft-sam' => ['minmax', 'sa-med2d', 'sam-med2d', 'sigmoid', 1],
    'sam' => ['minmax', 'radiological', 'sam', 'logits', 1],
    'medsam' => ['percentile', 'radiological', 'medsam', 'logits', 0],
);
make('zip,sam');
for my $kind (sort keys %kinds) {
    my ($status, undef, $err) = sammed2d('convert zip,sam.pth -o out.h5 --kind', $kind);
    is("$status$err", '0', "--kind $kind");
    my $w = weights('out.h5');
    is_deeply([@$w{qw(normalization orientation resize mask_prompt)}, $w->{configuration}{multimask} ? 1 : 0],
              $kinds{$kind}, '... sets how it is fed');
    ok(!$w->{configuration}{adapter}, '... no adapters');
}
my ($status, $out, $err) = sammed2d('convert zip,sam.pth -o out.h5');
is($status, 0, 'without adapters and without --kind');
like($err, qr/taken for ft-sam.*--kind/, '... it says what it guessed');

($status, $out, $err) = sammed2d('convert zip.pth -o out.h5 --dtype bfloat16 --name Liver --licence ours --provenance here',
                            '--multimask no --orient stored');
is($status, 0, 'names and precision');
my $w = weights('out.h5');
is_deeply([@$w{qw(stored_as name licence provenance orientation)}], [qw(bfloat16 Liver ours here stored)], '... are stored');
ok(!$w->{configuration}{multimask}, '... and --multimask');
is((sammed2d('convert zip.pth -o out.h5 --multimask box'))[0], 0, '--multimask box');
$w = weights('out.h5');
ok($w->{configuration}{multimask} && !$w->{configuration}{multimask_points}, '... is told from yes');
is($w->{configuration}{multimask_as}, 'box', '... by its name');
is((sammed2d('convert zip.pth -o out.h5 --multimask points'))[0], 0, '--multimask points');
is(weights('out.h5')->{configuration}{multimask_as}, 'points', '... is in the file');
like((sammed2d('weights out.h5'))[1], qr/default output +best of three .* all, weighed by points/, '... and told');
is((sammed2d('convert zip.pth -o out.h5 --zoom 2.5'))[0], 0, '--zoom 2.5');
$w = decode_json((sammed2d('weights out.h5 --json'))[1]);
is($w->{configuration}{zoom}, 2.5, '... is in the file');
like((sammed2d('weights out.h5'))[1], qr/boxes seen +a second time, in a part of the picture 2.5 times their size/, '... and told');
is((sammed2d('convert zip.pth -o out.h5 --zoom no'))[0], 0, '--zoom no');
is(decode_json((sammed2d('weights out.h5 --json'))[1])->{configuration}{zoom}, 0, '... is none, as by default');
for my $bad ('1', '11', '2x', 'nan', 'yes') {
    ($status, $out, $err) = sammed2d("convert zip.pth -o out.h5 --zoom $bad");
    is($status, 1, "--zoom $bad");
    like($err, qr/--zoom takes no or a number from 1.5 to 10, not "$bad"/, '... is told');
}
is((sammed2d('convert zip.pth -o out.h5 --mirrors 4'))[0], 0, '--mirrors 4');
is(decode_json((sammed2d('weights out.h5 --json'))[1])->{configuration}{mirrors}, 4, '... is in the file');
like((sammed2d('weights out.h5'))[1], qr/pictures seen +in 4 images, mirrored ones included/, '... and told');
is((sammed2d('convert zip.pth -o out.h5'))[0], 0, 'without');
is(decode_json((sammed2d('weights out.h5 --json'))[1])->{configuration}{mirrors}, 0, '... there are none');
($status, $out, $err) = sammed2d("convert zip.pth -o out.h5 --mirrors 8");
is($status, 1, "--mirrors 8");
like($err, qr/--mirrors takes no, 2 or 4, not "8"/, '... is told');
($status, $out, $err) = sammed2d('convert', make('zip,float,sam'), '-o out.h5 --kind sam --mirrors 4');
is($status, 1, "--mirrors 4 of SAM's kind");
like($err, qr/padding at one side.*--mirrors no/, '... which pads pictures');
# The mean of two: of a file with itself it is the file, and half way between two each number is.
{
    sammed2d('convert', make('zip'), '-o', 'one.h5');
    my $python = qx($home/tests/lib/find-python h5py numpy);
    chomp $python;
    is((sammed2d('convert one.h5 --average one.h5 -o same.h5'))[0], 0, 'the mean of a file and itself');
    SKIP: {
        skip 'no Python with h5py', 3 unless $python;
        my $look = 'import h5py, numpy, sys
a, b, c = (h5py.File(f) for f in sys.argv[1:4]); share = float(sys.argv[4])
sets = [k for k in a if isinstance(a[k], h5py.Dataset)]
worst = max(abs((1 - share) * a[k][()].astype("f8") + share * b[k][()].astype("f8") - c[k][()]).max() for k in sets)
far = max(abs(a[k][()].astype("f8") - b[k][()]).max() for k in sets)
print(len(sets) == len(list(c)) and worst < 1e-6 and (far > 1e-3 or a.filename == b.filename))';
        my $mean = sub { my $said = qx($python -c '$look' @_ 2>&1); chomp $said; return $said };
        is($mean->(qw(one.h5 one.h5 same.h5 0.5)), 'True', '... is the file');
        system "$python -c 'import h5py, numpy
f = h5py.File(\"other.h5\", \"r+\"); r = numpy.random.default_rng(1)
for k in f: f[k][...] = f[k][()] + r.normal(size=f[k].shape) * 0.1'" if !system 'cp one.h5 other.h5';
        is((sammed2d('convert one.h5 --average other.h5 --share 0.3 -o mean.h5'))[0], 0, 'a share of another file');
        is($mean->(qw(one.h5 other.h5 mean.h5 0.3)), 'True', '... number by number');
    }
    sammed2d('convert', make('zip'), '-o', 'large.h5', '--image-size 128');
    my ($status, undef, $err) = sammed2d('convert one.h5 --average large.h5 -o mixed.h5');
    is($status, 5, 'another architecture');
    like($err, qr/large\.h5: its network is another than that of one\.h5: image_size differs/, '... is told');
    ok(!-e 'mixed.h5', '... and nothing is written');
    ($status, undef, $err) = sammed2d('convert one.h5 --average one.h5 --share 2 -o mixed.h5');
    is($status, 1, 'a share above 1');
    for my $share ('0.3', '-1') {
        ($status, undef, $err) = sammed2d("convert zip.pth --share $share -o mixed.h5");
        is($status, 1, "a share of nothing, $share");
        like($err, qr/--share says how much of the file of --average is taken, and there is none/, '... is told');
    }
    ($status, undef, $err) = sammed2d('convert one.h5 --average one.h5 --share -1 -o mixed.h5');
    is($status, 1, 'a share below 0');
    like($err, qr/--share takes a number from 0 to 1, not -1/, '... is told');
}
($status, $out, $err) = sammed2d('convert zip.pth -o out.h5 --multimask perhaps');
is($status, 1, 'an answer that --multimask does not know');
like($err, qr/yes, no, box or points, not "perhaps"/, '... is said');

make('zip,big');
($status, $out, $err) = sammed2d('convert -v zip,big.pth -o out.h5 --image-size 64');
is($status, 0, '--image-size');
is(() = $err =~ /interpolated/g, 3, '... interpolates pos_embed and the global block, not the windowed one');
is(weights('out.h5')->{configuration}{image_size}, 64, '... to what was asked');
is((sammed2d('convert zip.pth -o out.h5 --image-size 100'))[0], 1, 'a size that is no multiple of the patches');

($status, $out, $err) = sammed2d('convert', make('zip,nodecoder'), '-o partial.h5');
is($status, 3, 'an incomplete checkpoint');
like($err, qr/missing tensor: mask_decoder\.iou_token\.weight \(1, 32\)/, '... what is missing is listed');
ok(-e 'partial.h5', '... the rest is written');
is(weights('partial.h5')->{status}, 6, '... and is no usable weights file');
($status, $out, $err) = sammed2d('convert', make('zip,extra'), '-o out.h5');
is($status, 0, 'a tensor too many');
like($err, qr/unexpected tensor, left out: head\.of\.something\.else \(3\)/, '... is listed');
is(weights('out.h5')->{unexpected_tensors}, 0, '... and left out');

# What is refused leaves an existing output as it was.
spew('old.h5', 'as it was');
for my $container ('zip', 'stream') {
    ($status, $out, $err) = sammed2d('convert', make("$container,evil"), '-o old.h5');
    is($status, 5, "a pickle that calls something ($container)");
    like($err, qr/refused: .*posix\.system/, '... is refused by name');
    ok(!-e 'evil-was-run', '... and was not run');
}
($status, $out, $err) = sammed2d('convert', make('zip,nan'), '-o old.h5');
is($status, 5, 'NaN in a tensor');
like($err, qr/infinities or NaN/, '... is refused');
for my $cut (0, 3, 100, 5000, 300000, (-s 'zip.pth') - 1) {
    for my $container ('zip', 'stream') {
        next if $cut >= -s "$container.pth";
        spew('short.pth', substr slurp("$container.pth"), 0, $cut);
        ($status) = sammed2d('convert short.pth -o old.h5');
        is($status, 4, "$container cut to $cut bytes");
    }
}
is(slurp('old.h5'), 'as it was', 'a refused conversion leaves the old file');
is_deeply([glob '*.sammed2d-*'], [], 'and no temporary file');

# A disk that fills up: writing beyond 200 KB fails, also while HDF5 closes the file.
for my $blocks (0, 4, 400) {
    my $said = qx(sh -c 'trap "" XFSZ; ulimit -f $blocks; exec $program convert zip.pth -o full.h5' 2>&1);
    is(status($?), 7, "no room beyond $blocks blocks");
    ok(!-e 'full.h5', '... nothing half-written stays');
}
is_deeply([glob '*.sammed2d-*'], [], '... nor temporary files');

is((sammed2d('convert absent.pth -o out.h5'))[0], 2, 'no such checkpoint');
is((sammed2d('convert . -o out.h5'))[0], 2, 'a directory');
is((sammed2d("convert $maker -o out.h5"))[0], 5, 'not a checkpoint');
is((sammed2d('convert zip.pth -o nowhere/out.h5'))[0], 7, 'no such output directory');
is((sammed2d('convert zip.pth'))[0], 1, 'no output named');
is((sammed2d('convert zip.pth -o out.h5 --kind other'))[0], 1, 'an unknown kind');
is((sammed2d('convert zip.pth -o out.h5 --dtype int8'))[0], 1, 'an unknown type');
is((sammed2d('convert zip.pth -o out.h5 --orient up'))[0], 1, 'an unknown orientation');

SKIP: {
    skip '../shared is not there', 18 unless $golden;
    my %expected = (tiny_half => 0, tiny_state_dict => 3, tiny_legacy => 3, tiny_train_state => 3, noncontiguous => 5,
        evil_global => 5, evil_global_legacy => 5, truncated => 4, bad_offset => 4, bad_size => 4, negative_offset => 4,
        short_storage => 4, missing_storage => 4, huge_shape => 4);
    for my $name (sort keys %expected) {
        is((sammed2d("convert $golden/$name.pth -o golden-$name.h5"))[0], $expected{$name}, "golden $name.pth");
    }
    is((sammed2d("convert --any $golden/noncontiguous.pth -o any.h5"))[0], 0, 'noncontiguous.pth with --any');
    is(weights('golden-tiny_half.h5')->{configuration}{embed_dim}, 32, 'tiny_half is usable');
    is(weights('golden-tiny_legacy.h5')->{status}, 6, 'tiny_legacy is not: it lacks the decoder');
    ok(!-e 'golden-evil_global.h5', 'nothing is written of what is refused');
}
done_testing;
