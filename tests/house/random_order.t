#!/usr/bin/perl
# A number gives the same generated picture whoever compiles: gcc evaluates arguments from the last to the first, clang
# from the first to the last, so that a call with two random numbers among its arguments shows here.
use strict;
use warnings;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my @compilers = grep { system("command -v $_ > /dev/null") == 0 } qw(gcc clang);
plan skip_all => 'gcc and clang are not both here' if @compilers < 2;
plan tests => 2;

my %lines;
for my $cc (@compilers) {
    my $program = "$build/synth_lines_$cc";
    system("$cc -std=gnu11 -O2 -ffp-contract=off -Isrc -Iinclude -o $program tests/tools/synth_lines.c "
        . 'src/synth/*.c src/base/arena.c src/base/error.c -lm') == 0 or die;
    $lines{$cc} = [map { [split] } qx($program 200)];
}

# The last bits of a mathematical function may differ, and with them a pixel here and there: two grey levels of the mean.
sub same {
    my ($one, $other) = @_;
    return "@$one[0, 1]" eq "@$other[0, 1]" && abs($one->[3] - $other->[3]) <= 2;
}
is(scalar @{$lines{gcc}}, 200, 'pictures are drawn');
my @apart = grep { !same($lines{gcc}[$_], $lines{clang}[$_]) } 0 .. 199;
is("@apart", '', 'gcc and clang draw the same pictures');
