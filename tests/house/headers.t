#!/usr/bin/perl
# Every public header stands alone in C11 and in C++, and the shared library has what the headers
# promise: all of it, and nothing else.
use strict;
use warnings;
use lib 'tests/lib';
use Run;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $cc = $ENV{CC} // 'cc';
my @headers = map { s{^include/}{}r } sort glob 'include/sammed2d/*.h';
plan tests => 2 * @headers + 2;

for my $header (@headers) {
    for my $language ('c -std=c11', 'c++ -std=c++11') {
        my $said = qx(printf '#include "%s"\\n' $header | $cc -Iinclude -x $language -pedantic -Wall -Wextra -Werror -fsyntax-only - 2>&1);
        ok($? == 0, "$header as $language") or diag($said);
    }
}

my $text = join '', map { "#include \"$_\"\n" } @headers;
spew("$build/headers.c", $text);
my $declared = qx($cc -E -P -Iinclude $build/headers.c);
my %declared = map { $_ => 1 } $declared =~ /(?<!enum )(?<!struct )\b(sm_\w+)\s*\(/g;
my %exported = map { $_ => 1 } map { /\s[TDBRVW]\s+(\S+)$/ } qx(nm -D --defined-only $build/libsammed2d.so);
is_deeply([grep { !$exported{$_} } sort keys %declared], [], 'every declared function is in the library');
is_deeply([grep { !$declared{$_} } sort keys %exported], [], 'the library exports nothing undeclared');
