#!/usr/bin/perl
# Every command has a manual page that names each of its options, and no others; all pages are clean.
use strict;
use warnings;
use lib 'tests/lib';
use Run;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my @pages = sort glob 'man/*.[1-8]';

my @commands = map { /^  ([a-z]\w*) +\S/ ? $1 : () } qx($build/sammed2d --help);
ok(@commands > 0, 'sammed2d --help lists commands');

for my $command (@commands) {
    ok(-e "man/sammed2d-$command.1", "man/sammed2d-$command.1 is there") or next;
    my $page = slurp("man/sammed2d-$command.1");
    my $help = qx($build/sammed2d $command --help);
    is($?, 0, "sammed2d $command --help ends with 0");
    my %in_help = map { $_ => 1 } $help =~ /^  (?:-\w, |    )--([\w-]+)/mg;
    my %in_page = map { $_ => 1 } map { /\bFl (?:Fl |-)([\w-]+)/g } $page =~ /^(\.It .*)$/mg;
    is_deeply([grep { !$in_page{$_} } sort keys %in_help], [], "$command: every option is in the manual");
    is_deeply([grep { !$in_help{$_} } sort keys %in_page], [], "$command: every option of the manual exists");
}

SKIP: {
    skip 'mandoc is not installed', 1 unless qx(sh -c 'command -v mandoc');
    my $lint = qx(mandoc -T lint -W warning @pages 2>&1);
    is("$?$lint", '0', 'mandoc finds nothing to say');
}
for my $page (@pages) {
    my @missing = grep { !-e "man/$_" }
        map { /^\.Xr (sammed2d\S*) (\d)/ ? "$1.$2" : () } split /\n/, slurp($page);
    is_deeply(\@missing, [], "$page refers to pages that are there");
}
done_testing;
