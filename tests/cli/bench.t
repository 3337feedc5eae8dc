#!/usr/bin/perl
# build/bench on a small network: the JSON document has its keys, each stage was timed, what it timed was right.
# No figure is held against anything: tests do not time.
use strict;
use warnings;
use lib 'tests/lib';
use JSON::PP;
use Run;
use Test::More;

my $bench = ($ENV{BUILD} // 'build') . '/bench';
my $golden = '--golden tests/golden/set/small_adapters.h5';

my $said = `$bench --json --rounds 1 --slices 2 $golden`;
is($?, 0, 'it runs, and its outputs are those of the golden file');
my $json = eval { decode_json($said) };
ok($json, 'one JSON document and nothing else') or diag $said;

sub numbers {    # what of these keys is not a number above 0
    my ($where, @keys) = @_;
    return grep { !defined $where->{$_} || $where->{$_} !~ /^[-+\d.e]+$/i || $where->{$_} <= 0 } @keys;
}
is_deeply([numbers($json, qw(sgemm_gflops peak_rss_mb))], [], 'sgemm and memory');
for my $precision (qw(float32 bf16 int8)) {
    is_deeply([numbers($json->{encoder}{$precision}, qw(batch1 batch4 batch8))], [], "encoder in $precision");
}
is_deeply([numbers($json->{decoder}, qw(prompts1 prompts5 prompts20))], [], 'decoder');
is_deeply([numbers($json->{segment}, qw(objects1 objects10))], [], 'whole runs');
is_deeply([sort keys %{$json->{encoder}}], [qw(bf16 float32 int8)], 'no other precision');

my $encoder = $json->{details}{encoder}{float32}{batch4};
my $decoder = $json->{details}{decoder}{prompts5};
my @encoder = qw(adapter_down adapter_up attention mlp neck norms_gate_sums patch_embed preprocess proj qkv);
is_deeply([sort keys %{$encoder->{stages}}], \@encoder, 'stages of the encoder');
is_deeply([sort keys %{$decoder->{stages}}], [qw(image_side masks prompt_tokens transformer)], 'stages of the decoder');
my ($sum, $seconds) = (0, 0);
$sum += $_->{gflop}, $seconds += $_->{seconds} for values %{$encoder->{stages}};
cmp_ok(abs($sum - $encoder->{gflop}), '<', 1e-3 * $sum, 'their arithmetic is the whole');
cmp_ok($seconds, '<=', 1.001 * $encoder->{seconds}[2], 'their time is no more than the whole');

# 4 x 4 tokens of width 32, three blocks of which one is global; windows of 14 hold all tokens, so two of
# the blocks have padded keys. Multiplications, each with its sum:
my $attention = 3 * 2 * 16 * 16 * 32 + 2 * 2 * 16 * 32    # keys and values; those of the padding
    + 2 * (2 * 14 * 16) * 32 + (2 * 4 * 16) * 32;         # relative positions
cmp_ok(abs($encoder->{stages}{attention}{gflop} * 1e9 - 2 * $attention), '<', 1, "attention's arithmetic");
cmp_ok(abs($encoder->{stages}{mlp}{gflop} * 1e9 - 2 * 3 * 2 * 16 * 32 * 128), '<', 1, "the MLP's");

is_deeply([sort keys %{$json->{details}{threads_against_one}}],
    [qw(decoder_prompts20 encoder_batch1 encoder_batch4 segment)], 'threads against one');
ok($json->{verified}{golden} && $json->{verified}{outputs} > 10 && !$json->{verified}{wrong}, 'outputs verified');

$said = `$bench --rounds 1 --parts decoder $golden`;
is($?, 0, 'a part alone');
like($said, qr/^decoder, prompts 20/m, '... as text');
unlike($said, qr/^encoder|^segment/m, 'and no other');
$said = `$bench --rounds 1 --parts encoder,decoder -w weights/default.h5`;
is($?, 0, 'weights from a file');
like($said, qr/^  attention .* 1\.258 /m, 'and their network: windows of 8 and global blocks of 1024 tokens');
like($said, qr/^not verified: the weights are weights.default.h5/m, 'of which no golden file tells');
$said = `$bench --parts nonsense 2>&1`;
is(status($?), 1, 'a part that is not there');
done_testing;
