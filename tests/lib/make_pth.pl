#!/usr/bin/perl
# make_pth.pl KIND OUT.pth - writes a PyTorch checkpoint of a complete, very small SAM-Med2D with random
# values, without PyTorch. KIND: words joined by commas:
#   zip|stream   container          half|float  element type        sam     without adapters
#   wrapped      {'model': ..., 'epoch': 3}     module  names start with "module."
#   nodecoder    without mask_decoder           extra   one tensor more      nan   one value is NaN
#   evil         calls os.system when unpickled (touch evil-was-run)
#   big          picture of 128 px instead of 64
use strict;
use warnings;
use IO::Compress::Zip qw(:constants $ZipError);

my ($kind, $out) = @ARGV;
die "usage: make_pth.pl KIND OUT.pth\n" unless defined $out;
my %is = map { $_ => 1 } split /,/, $kind;
my ($E, $D, $G, $C, $A, $F, $K, $Q, $T) = (32, 16, $is{big} ? 8 : 4, 32, 16, 64, 8, 32, 4);
my @tensors;
sub t { my ($name, @dim) = @_; push @tensors, [$name, @dim] }
sub norm { t("$_[0].weight", $_[1]); t("$_[0].bias", $_[1]) }
sub linear { my ($name, $to, @from) = @_; t("$name.weight", $to, @from); t("$name.bias", $to) }

my $e = 'image_encoder';
t("$e.pos_embed", 1, $G, $G, $E);
linear("$e.patch_embed.proj", $E, 3, 16, 16);
for my $b (0, 1) {
    my $p = "$e.blocks.$b";
    my $rows = 2 * ($b == 1 ? $G : 3) - 1;    # block 1 is global, windows of 3
    norm("$p.norm1", $E);
    t("$p.attn.rel_pos_$_", $rows, $D) for qw(h w);
    linear("$p.attn.qkv", 3 * $E, $E);
    linear("$p.attn.proj", $E, $E);
    norm("$p.norm2", $E);
    linear("$p.mlp.lin1", 4 * $E, $E);
    linear("$p.mlp.lin2", $E, 4 * $E);
    next if $is{sam};
    norm("$p.Adapter.norm", $E);
    t("$p.Adapter.channel.0.weight", 8, $E);
    t("$p.Adapter.channel.2.weight", $E, 8);
    t("$p.Adapter.spatial.0.weight", $E, $E, 3, 3);
    t("$p.Adapter.spatial.2.weight", $E, $E, 4, 4);
}
t("$e.neck.0.weight", $C, $E, 1, 1);
norm("$e.neck.1", $C);
t("$e.neck.2.weight", $C, $C, 3, 3);
norm("$e.neck.3", $C);

my $p = 'prompt_encoder';
t("$p.pe_layer.positional_encoding_gaussian_matrix", 2, $C / 2);
t("$p.point_embeddings.$_.weight", 1, $C) for 0 .. 3;
t("$p.not_a_point_embed.weight", 1, $C);
linear("$p.mask_downscaling.0", $K / 4, 1, 2, 2);
norm("$p.mask_downscaling.1", $K / 4);
linear("$p.mask_downscaling.3", $K, $K / 4, 2, 2);
norm("$p.mask_downscaling.4", $K);
linear("$p.mask_downscaling.6", $C, $K, 1, 1);
t("$p.no_mask_embed.weight", 1, $C);

sub attention {
    my ($name, $width) = @_;
    linear("$name.${_}_proj", $width, $C) for qw(q k v);
    linear("$name.out_proj", $C, $width);
}
my $d = 'mask_decoder';
for my $l (map { "$d.transformer.layers.$_" } 0, 1) {
    attention("$l.self_attn", $C);
    attention("$l.cross_attn_token_to_image", $A);
    attention("$l.cross_attn_image_to_token", $A);
    norm("$l.norm$_", $C) for 1 .. 4;
    linear("$l.mlp.lin1", $F, $C);
    linear("$l.mlp.lin2", $C, $F);
}
attention("$d.transformer.final_attn_token_to_image", $A);
norm("$d.transformer.norm_final_attn", $C);
t("$d.iou_token.weight", 1, $C);
t("$d.mask_tokens.weight", $T, $C);
t("$d.output_upscaling.0.weight", $C, $C / 4, 2, 2);
t("$d.output_upscaling.0.bias", $C / 4);
norm("$d.output_upscaling.1", $C / 4);
t("$d.output_upscaling.3.weight", $C / 4, $C / 8, 2, 2);
t("$d.output_upscaling.3.bias", $C / 8);
for my $h (map { "$d.output_hypernetworks_mlps.$_.layers" } 0 .. $T - 1) {
    linear("$h.0", $C, $C);
    linear("$h.1", $C, $C);
    linear("$h.2", $C / 8, $C);
}
linear("$d.iou_prediction_head.layers.0", $Q, $C);
linear("$d.iou_prediction_head.layers.1", $Q, $Q);
linear("$d.iou_prediction_head.layers.2", $T, $Q);
@tensors = grep { $_->[0] !~ /^mask_decoder/ } @tensors if $is{nodecoder};
t('head.of.something.else', 3) if $is{extra};

# ---- values: a small linear congruential generator, so that every run gives the same bytes ----
my $state = 12345;
sub values_of {
    my ($count) = @_;
    my $bytes = '';
    for (1 .. $count) {
        $state = ($state * 1103515245 + 12345) % 2147483648;
        my $value = ($state / 2147483648 - 0.5) / 4;
        # a half with exponent of 2^-3..2^-4 would need rounding; take random fractions of 0.0625..0.125
        $bytes .= $is{half} ? pack('v', ($state & 0x10000 ? 0x8000 : 0) | 11 << 10 | $state >> 5 & 1023)
                            : pack('f<', $value);
    }
    return $bytes;
}

# ---- the pickle, protocol 2 ----
sub text { return 'X' . pack('V', length $_[0]) . $_[0] }
sub number { return 'J' . pack('l<', $_[0]) }
sub tuple { return '(' . join('', @_) . 't' }
my (@storages, $dict);
my $type = $is{half} ? 'HalfStorage' : 'FloatStorage';
for my $tensor (@tensors) {
    my ($name, @dim) = @$tensor;
    my ($count, @stride) = (1);
    for my $size (reverse @dim) { unshift @stride, $count; $count *= $size }
    my $key = scalar @storages;
    push @storages, values_of($count);
    substr($storages[-1], 0, 4, pack('V', 0x7fc00000)) if $is{nan} && $key == 5;
    my $storage = tuple(text('storage'), "ctorch\n$type\n", text($key), text('cpu'), number($count),
                        $is{stream} ? 'N' : ()) . 'Q';
    $dict .= text(($is{module} ? 'module.' : '') . $name) . "ctorch._utils\n_rebuild_tensor_v2\n" .
        tuple($storage, number(0), tuple(map { number($_) } @dim), tuple(map { number($_) } @stride),
              "\x89", "ccollections\nOrderedDict\n)R") . 'R';
}
my $object = "ccollections\nOrderedDict\n)R(" . $dict . 'u';
$object = '}(' . text('model') . $object . text('epoch') . number(3) .
    text('optimizer') . "ctorch.optim.adam\nAdam\n)\x81}(" . text('lr') . "G\0\0\0\0\0\0\0\0ub" . 'u' if $is{wrapped};
$object = '}(' . text('model') . $object . text('x') . "cposix\nsystem\n(" . text('touch evil-was-run') . 'tR' . 'u'
    if $is{evil};
my $pickle = "\x80\x02$object.";

open my $file, '>:raw', $out or die "$out: $!\n";
if ($is{stream}) {
    print $file "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", "\x80\x02M\xe9\x03.",
        "\x80\x02}(" . text('little_endian') . "\x88u.", $pickle,
        "\x80\x02](" . join('', map { text($_) } 0 .. $#storages) . 'e.';
    print $file pack('Q<', length($_) / ($is{half} ? 2 : 4)), $_ for @storages;
} else {
    my $zip = IO::Compress::Zip->new($file, Name => 'archive/data.pkl', Method => ZIP_CM_STORE, Time => 315532800)
        or die $ZipError;
    $zip->print($pickle);
    for my $key (0 .. $#storages) {
        $zip->newStream(Name => "archive/data/$key", Method => ZIP_CM_STORE, Time => 315532800);
        $zip->print($storages[$key]);
    }
    $zip->newStream(Name => 'archive/version', Method => ZIP_CM_STORE, Time => 315532800);
    $zip->print("3\n");
    $zip->close;
}
close $file or die "$out: $!\n";
