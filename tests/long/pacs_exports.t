#!/usr/bin/perl
# Made PACS exports of several seeds: every volume with its voxels, every trap named. Then 10,000 files.
use strict;
use warnings;
use File::Temp 'tempdir';
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $python = '/usr/bin/python3';
my $tool = '../shared/tools/make_pacs_export.py';

SKIP: {
    -f $tool or skip '../shared is not there', 5;
    for my $seed (1 .. 5) {
        my $dir = tempdir(CLEANUP => 1);
        system("$python $tool $dir/x --seed $seed --quick > $dir/log 2>&1") == 0 or diag(`tail -3 $dir/log`);
        system("$build/dicom_volumes -o $dir $dir/x/export > $dir/list");
        my @lines = `$python tests/lib/dicom_export.py $dir/list $dir $dir/x/truth/manifest.json $dir/x/export 2>&1`;
        my @bad = grep { !/^ok / } @lines;
        ok(@lines > 20 && !@bad, "seed $seed: " . @lines . ' series and traps') or diag(@bad);
    }
}
SKIP: {
    system("$python -c 'import pydicom' 2>/dev/null") == 0 or skip 'pydicom is not installed', 3;
    my $dir = tempdir(CLEANUP => 1);
    system("$python tests/lib/make_many.py files $dir/many 10000") == 0 or die;
    my ($list, $read, $volumes, $left_out, $mib) = split ' ', `$build/read_dicom $dir/many`;
    diag("10,000 files listed in $list s");
    is($volumes, 100, '10,000 files in 11 folders: 100 volumes');
    is($left_out, 0, 'and nothing left out');
    cmp_ok($mib, '<', 256, 'in bounded memory') unless $build =~ /asan/;
}
done_testing;
