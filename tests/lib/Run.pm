# What tests do again and again: read a file, write one, run a program and look at how it ended.
package Run;
use strict;
use warnings;
use Carp 'croak';
use Exporter 'import';
use JSON::PP 'decode_json';
our @EXPORT = qw(read_json slurp spew);

# The bytes of a file. One that is not there stops the test: if it were empty instead, two files of which neither
# was written would be the same.
sub slurp {
    my ($path) = @_;
    open my $file, '<:raw', $path or croak "$path: $!";
    local $/;
    return <$file> // croak "$path: $!";
}

sub spew {
    my ($path, $bytes) = @_;
    open my $file, '>:raw', $path or croak "$path: $!";
    print $file $bytes;
    close $file or croak "$path: $!";
}

sub read_json { my ($path) = @_; return decode_json(slurp($path)) }
1;
