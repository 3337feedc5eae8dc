# Small NIfTI-1 files for tests: enough to write a volume and to read a label map back.
package SmallNifti;
use strict;
use warnings;
use Exporter 'import';
use Run;
our @EXPORT = qw(write_nifti read_labels);

# dim [nx, ny, nz], rows three rows of the sform (RAS), voxels int16 with i fastest.
sub write_nifti {
    my ($path, $dim, $rows, $voxels) = @_;
    my @spacing = map { my $c = $_; sqrt($rows->[0][$c]**2 + $rows->[1][$c]**2 + $rows->[2][$c]**2) } 0 .. 2;
    my $header = pack 'l<x36 s<8 x14 s<2 x2 f<8 f<3 x3 C x128 s<2 f<6 f<12 x16 a4 x4', 348, 3, @$dim, 1, 1, 1, 1,
        4, 16, 1, @spacing, 0, 0, 0, 0, 352, 1, 0, 2, 0, 1, (0) x 6, (map { @$_ } @$rows), "n+1\0";
    die 'header of ' . length $header if length $header != 352;
    spew($path, $header . pack 's<*', @$voxels);
}

# Label values of an uncompressed label map, i fastest.
sub read_labels {
    my ($path) = @_;
    my $bytes = slurp($path);
    my ($type) = unpack 's<', substr $bytes, 70, 2;
    my ($offset) = unpack 'f<', substr $bytes, 108, 4;
    return unpack $type == 2 ? 'C*' : $type == 512 ? 'S<*' : die("type $type"), substr $bytes, $offset;
}
1;
