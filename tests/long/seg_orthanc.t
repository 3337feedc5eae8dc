#!/usr/bin/perl
# Series of a made export and their SEGs through an Orthanc on the loopback interface: store, fetch, and
# the SEG comes back the same (orthanc_roundtrip.py). Needs Debian's orthanc (its service may stay off).
use strict;
use warnings;
use lib 'tests/lib';
use File::Basename 'basename';
use File::Copy 'copy';
use File::Temp 'tempdir';
use Run;
use Test::More;

my $build = $ENV{BUILD} // 'build';
my $python = '/usr/bin/python3';
my $tools = '../shared/tools';
-d $tools or plan skip_all => '../shared is not there';
grep { -x "$_/Orthanc" } split(/:/, $ENV{PATH}), '/usr/sbin' or plan skip_all => 'orthanc is not installed';
`sh -c 'command -v storescu'` or plan skip_all => 'dcmtk is not installed';
my $dir = tempdir(CLEANUP => 1);
system("$python $tools/make_pacs_export.py --quick --seed 5 $dir > /dev/null") == 0 or die 'no export';
my $manifest = read_json("$dir/truth/manifest.json");

for my $series (grep { $_->{is_volume} && $_->{phases} == 1 } @{$manifest->{series}}) {
    my $key = $series->{key};
    mkdir "$dir/$key";
    my $n = 0;
    copy("$dir/export/$_->{path}", "$dir/$key/" . $n++) or die "$_->{path}: $!" for @{$series->{files}};
    my @boxes = map { my ($a, $b) = @{$_->{box2d_lps}}; "--box=$_->{name}=" . join ',', @$a, @$b }
        grep { $_->{name} =~ /liver|spine/ } @{$series->{prompts}};
    my $said = `$build/sammed2d segment $dir/$key --space lps --propagate none @boxes -q -o $dir/$key.dcm 2>&1`;
    ok(status($?) =~ /^[03]$/ && -e "$dir/$key.dcm", "$key: segmented") or diag($said), next;
    $said = `$python $tools/orthanc_roundtrip.py $dir/$key --seg $dir/$key.dcm 2>&1`;
    # Orthanc's C-GET hands Big Endian over as Little Endian, which is not our SEG's fault.
    my @failed = grep { /^FAIL/ && !/^FAIL$/ } split /\n/, $said;
    @failed = grep { !/C-GET/ } @failed if $series->{transfer_syntax} eq '1.2.840.10008.1.2.2';
    is("@failed", '', "$key: the PACS gives back what it got") or diag($said);
    like($said, qr/^ok\s+$_/m, "$key: $_") for 'C-STORE SEG', 'SEG unchanged', 'seg_check on the fetched pair';
}
done_testing;
