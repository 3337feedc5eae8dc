#!/usr/bin/perl
# The picture of DESIGN stays true: who may include whom, which folder is the door to which library,
# who may print and exit, and how long a file may be.
use strict;
use warnings;
use lib 'tests/lib';
use File::Find;
use Run;
use Test::More;

# folder => the folders whose headers it may include, beside its own
my %may_include = (
    base       => [],
    nn         => ['base'],
    h5         => ['base'],
    volume     => ['base'],
    model      => [qw(base nn h5)],
    nifti      => [qw(base volume)],
    image      => [qw(base volume)],
    dicom      => [qw(base volume)],
    checkpoint => [qw(base h5)],
    input      => [qw(base volume nifti image dicom)],
    dataset    => [qw(base volume input image dicom)],
    pipeline   => [qw(base nn h5 model volume nifti image dicom input)],
    eval       => [qw(base nn model volume image input dataset pipeline)],
    synth      => ['base'],
    train      => [qw(base nn h5 model volume image dataset synth)],
    cmd        => [qw(base nn h5 model volume nifti image dicom input dataset checkpoint pipeline eval synth train)],
    main       => [qw(base nn h5 nifti dicom image checkpoint cmd)],    # beside cmd, for --version
);
# public header => the folder that makes it
my %public = (
    error => 'base', listener => 'base', sammed2d => 'base', volume => 'volume', view => 'volume',
    nifti => 'nifti', picture => 'image', model => 'model', prompts => 'pipeline', segment => 'pipeline',
    dicom => 'dicom', stack => 'volume', input => 'input', metrics => 'volume', dataset => 'dataset', evaluate => 'eval',
    slices => 'dataset', compare => 'input',
);
# What is said in shared words: the network's configuration names a window and an orientation.
my %lent = ('checkpoint' => {'sammed2d/model.h' => 1, 'model/config.h' => 1}, 'model' => {'sammed2d/view.h' => 1}, 'base' => {'sammed2d/sammed2d.h' => 1});

# header of a library => the only place that may include it
my @doors = (
    [qr/^(cblas|lapack|openblas|f77blas)/, qr{^src/nn/}],
    [qr/^(hdf5|H5)/,                       qr{^src/h5/}],
    [qr/^(nifti|znz|fslio)/,               qr{^src/nifti/}],
    [qr/^png/,                             qr{^src/image/}],
    [qr/^jansson/,                         qr{^src/base/json\.[ch]$}],
    [qr/^(sha|md)\d+\.h|^libmd/,           qr{^src/base/digest\.c$}],
    [qr/^zip/,                             qr{^src/(checkpoint|dicom)/}],
    [qr/^dcmtk|^openjpeg/,                 qr{^src/dicom/}],
    [qr/^zlib/,                            qr{^src/(nifti|dicom)/}],
    [qr/^omp\./,                           qr{^src/(nn|model|pipeline|eval|train)/}],
);

# Comments and what stands in quotes become blanks; line numbers stay.
sub code_only {
    my ($text) = @_;
    $text =~ s{(/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')}
              { (my $blank = $1) =~ s/[^\n]/ /g; $blank }gse;
    return $text;
}

my (@sources, @all);
find({no_chdir => 1, wanted => sub { push @sources, $_ if /\.(cc?|h|def)$/ }}, 'src');
find({no_chdir => 1, wanted => sub { push @all, $_ if /\.(cc?|h|def|mk|t|pl|py)$/ }},
     'src', 'include', 'tests');
ok(@sources > 10, 'the sources are found');

my (@wrong_way, @wrong_door, @third_party, @loud);
for my $path (sort @sources) {
    my $text = slurp($path);
    my ($folder) = $path =~ m{^src/(\w+)};
    my $allowed = $may_include{$folder};
    push(@wrong_way, "$path: the folder is not in this script's table"), next unless $allowed;
    while ($text =~ /^\s*#\s*include\s*(["<])([^">]+)[">]/mg) {
        my ($ours, $header) = ($1 eq '"', $2);
        my $owner = $header =~ m{^sammed2d/(\w+)\.h$} ? $public{$1} // "?$1" : $header =~ m{^(\w+)/} ? $1 : $folder;
        push @wrong_way, "$path includes $header"
            if $ours && $owner ne $folder && !$lent{$folder}{$header} && !grep { $_ eq $owner } @$allowed;
        next if -e "src/$header" || -e "include/$header";
        for my $door (@doors) {
            push @wrong_door, "$path includes $header" if $header =~ $door->[0] && $path !~ $door->[1];
        }
    }
    next if $folder eq 'cmd' || $folder eq 'main';
    my $code = code_only($text);
    while ($code =~ /\b(stdout|stderr|(?:v?printf|puts|putchar|perror|exit|_exit|_Exit|abort)(?=\s*\())/g) {
        my $word = $1;
        next if $word eq 'abort' && $path eq 'src/base/arena.c';    # a bug of the measuring pass
        push @loud, sprintf '%s:%d: %s', $path, 1 + (() = substr($code, 0, $-[0]) =~ /\n/g), $word;
    }
}
is_deeply(\@wrong_way, [], 'includes point one way');
is_deeply(\@wrong_door, [], 'each library has one door');
is_deeply(\@loud, [], 'the library neither prints nor exits');

for my $path (glob 'include/sammed2d/*.h') {
    my ($name) = $path =~ /(\w+)\.h$/;
    push @third_party, "$path is not in this script's table" unless $public{$name};
    my @headers = slurp($path) =~ /^\s*#\s*include\s*["<]([^">]+)/mg;
    push @third_party, map { "$path includes $_" }
        grep { !m{^(sammed2d/\w+|stdbool|stddef|stdint)\.h$} } @headers;
}
is_deeply(\@third_party, [], 'public headers show no third-party header');

# Two structs of one name share one destructor, whichever the linker takes: the heap breaks far away.
my (%defined, @twice);
for my $path (glob 'src/dicom/*.h') {
    my $text = slurp($path);
    push @{$defined{$1}}, $path while $text =~ /^(?:struct|class|enum class|enum) (\w+)[^;(]*?\{/mg;
}
push @twice, map { "$_: @{$defined{$_}}" } grep { @{$defined{$_}} > 1 } sort keys %defined;
is_deeply(\@twice, [], 'no two types of src/dicom have one name');

my @long = grep { (() = slurp($_) =~ /\n/g) > 600 } @all;
is_deeply(\@long, [], 'no file has over 600 lines');
done_testing;
