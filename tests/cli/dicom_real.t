#!/usr/bin/perl
# Every case of ../shared/data/dicom against tests/cli/dicom_cases.txt, which says what becomes of each
# file: read (then pydicom must agree on every voxel and position), refused, or left out and why. Then
# two made PACS exports against their manifests.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use Run;

my $build = $ENV{BUILD} // 'build';
my $data = '../shared/data/dicom';
my $tools = '../shared/tools/make_pacs_export.py';
unless (-d $data) {
    print "1..0 # SKIP ../shared is not there\n";
    exit;
}
my ($number, $failed) = (0, 0);

sub ok {
    my ($good, $name, @why) = @_;
    $number++;
    print $good ? '' : 'not ', "ok $number - $name\n";
    print "# $_\n" for $good ? () : map { split /\n/ } @why;
}

# The table: "CASE[/FILE]" in brackets, then its lines.
sub read_table {
    my ($path) = @_;
    my (%table, @order, $case);
    open my $in, '<', $path or die "$path: $!";
    while (<$in>) {
        chomp;
        next if /^#/ || !length;
        if (/^\[(.*)\]$/) {
            $case = $1;
            push @order, $case;
            $table{$case} = [];
        } else {
            push @{ $table{$case} }, $_;
        }
    }
    return (\%table, \@order);
}

sub outcome {
    my ($case) = @_;
    my $folder = tempdir(CLEANUP => 1);
    system("$build/dicom_volumes -o $folder '$data/$case' > $folder/list") == 0
        or return ('dicom_volumes: status ' . status($?));
    my ($name) = $case =~ m{^([^/]+)};
    local $ENV{WITNESS_ROOT} = "$data/$name/";
    my @lines = `/usr/bin/python3 tests/lib/dicom_witness.py $folder/list $folder ../shared/data/expected/$name.json 2>$folder/talk`;
    chomp @lines;
    push @lines, `tail -3 $folder/talk` if status($?) !~ /^[01]$/;
    return @lines;
}

my ($table, $order) = read_table('tests/cli/dicom_cases.txt');
for my $case (@$order) {
    my @found = outcome($case);
    my $wanted = join "\n", @{ $table->{$case} };
    ok(join("\n", @found) eq $wanted, $case, 'found:', @found);
}
opendir my $dir, $data or die;
my @unnamed = grep { !/^\./ && -d "$data/$_" && !$table->{$_} } readdir $dir;
ok(!@unnamed, 'the table names every case', "@unnamed");

for my $seed (1, 7) {
    my $folder = tempdir(CLEANUP => 1);
    system("/usr/bin/python3 $tools $folder --seed $seed --quick > $folder/log 2>&1") == 0
        or print "# make_pacs_export.py failed\n";
    system("$build/dicom_volumes -o $folder $folder/export > $folder/list");
    my @lines = `/usr/bin/python3 tests/lib/dicom_export.py $folder/list $folder $folder/truth/manifest.json $folder/export 2>&1`;
    my @bad = grep { !/^ok / } @lines;
    ok(@lines > 20 && !@bad, "export of seed $seed: all volumes and all traps", @bad);
}
print "1..$number\n";
