#!/usr/bin/perl
# make install: the installed tree works from anywhere, also after a move, and goes away again.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd 'abs_path';
use File::Temp 'tempdir';
use Run;
use Test::More tests => 11;

my $build = $ENV{BUILD} // 'build';
my $root = abs_path('.');
my $stage = tempdir(CLEANUP => 1);
my $make = $ENV{MAKE} // 'make';
my @variables = ("DESTDIR=$stage", 'PREFIX=/opt/sammed2d', "BUILD=$build");
delete $ENV{SAMMED2D_WEIGHTS};
($ENV{MAKEFLAGS} //= '') =~ s/(^| )(-j\d*|--jobserver\S*)//g;    # the job server stays with `make check`

sub run_quiet { my $said = qx(@_ 2>&1 </dev/null); is($?, 0, join ' ', (split ' ', $_[0])[0 .. 2]) or diag($said); return $said }

like(qx($make -q all BUILD=$build; echo \$?), qr/^0$/m, 'everything is built');
run_quiet("$make -s install @variables");
my $tree = "$stage/opt/sammed2d";
my @missing = grep { !-e "$tree/$_" } 'bin/sammed2d', 'lib/libsammed2d.a', 'lib/libsammed2d.so.0',
    'lib/libsammed2d.so', 'lib/pkgconfig/sammed2d.pc', 'share/sammed2d/default.h5',
    'share/man/man1/sammed2d.1', (glob 'include/sammed2d/*.h');
is_deeply(\@missing, [], 'all is there');

rename $tree, "$stage/moved" or die;
my $segment = 'segment -q data/mr/image.nii.gz --box tumour=60,14,55,90,20,80' =~ s{data}{$root/data}r;
run_quiet("cd / && $stage/moved/bin/sammed2d $segment -o $stage/out.nii.gz");
ok(-s "$stage/out.nii.gz", 'the installed program finds its model');
rename "$stage/moved/share/sammed2d/default.h5", "$stage/model.h5" or die;
my $said = qx(cd / && $stage/moved/bin/sammed2d $segment -o $stage/out.nii.gz 2>&1);
is(status($?), 6, 'without the model the status is 6');
like($said, qr{moved/share/sammed2d/default\.h5}, 'and the message says where it was looked for');
rename "$stage/model.h5", "$stage/moved/share/sammed2d/default.h5";
rename "$stage/moved", $tree or die;

$ENV{PKG_CONFIG_PATH} = "$tree/lib/pkgconfig";
$ENV{PKG_CONFIG_SYSROOT_DIR} = $stage;
my $cc = $ENV{CC} // 'cc';
my $flags = qx(pkg-config --define-variable=prefix=/opt/sammed2d --cflags --libs sammed2d);
chomp $flags;
# A library with a sanitizer in it wants the sanitizer's runtime first in the program.
$flags .= ' -fsanitize=address,undefined' if qx(nm -D $tree/lib/libsammed2d.so) =~ /__asan_init/;
run_quiet("$cc tests/examples/segment_box.c -o $stage/example $flags");
$ENV{LD_LIBRARY_PATH} = "$tree/lib";
run_quiet("$stage/example $root/data/mr/image.nii.gz $tree/share/sammed2d/default.h5 "
    . "tumour=60,14,55,90,20,80 $stage/b.nii.gz");

delete @ENV{qw(PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR)};    # else make takes its flags for others, and builds all anew
run_quiet("$make -s uninstall @variables");
is(qx(find $stage/opt -type f -o -type l), '', 'uninstall leaves nothing');
