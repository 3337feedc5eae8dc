# What tests do again and again: read a file, write one, run a program and look at how it ended.
package Run;
use strict;
use warnings;
use Carp 'croak';
use Exporter 'import';
use File::Temp;
use JSON::PP 'decode_json';
use POSIX '_exit';
our @EXPORT = qw(read_json run slurp spew status);

# How a program ended, from $?: its exit status, or words that are no status. $? >> 8 alone would
# call a program that was killed a success, and $? & 127 takes the signal for a status: 6 is SIGABRT.
sub status {
    my ($ended) = @_;
    return $ended == -1 ? 'not started' : $ended & 127 ? 'signal ' . ($ended & 127) : $ended >> 8;
}

# Runs a command, by the shell where it is one string, else as it stands. Its status, standard output, standard error.
sub run {
    my @command = @_;
    my ($out, $err) = (File::Temp->new, File::Temp->new);
    my $child = fork // croak "fork: $!";
    if (!$child) {
        open STDOUT, '>&', $out and open STDERR, '>&', $err and exec @command;
        _exit(127);
    }
    waitpid $child, 0;
    return (status($?), slurp($out->filename), slurp($err->filename));
}

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
