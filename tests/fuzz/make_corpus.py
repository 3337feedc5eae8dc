#!/usr/bin/env python3
"""Writes the seeds tests/fuzz/corpus/nifti and tests/fuzz/corpus/png anew (nibabel, numpy), and the packed ones of
tests/fuzz/corpus/weights where `build/tests/write_packed` is there (make test-programs)."""
import gzip
import os
import struct
import subprocess
import zlib

import nibabel
import numpy as np

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'corpus')


def put(kind, name, data):
    with open(os.path.join(HERE, kind, name), 'wb') as file:
        file.write(data)


def nifti(kind, dtype, big=False, shape=(3, 2, 2), affine=None, qform=False, **fields):
    data = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    image = kind(data, np.diag([-2, 1.5, 3, 1]) if affine is None else affine,
                 kind.header_class(endianness='>' if big else '<'), dtype=data.dtype)
    image.set_data_dtype(data.dtype.newbyteorder('>' if big else '<'))
    if qform:
        image.set_qform(image.affine, 1)
        image.set_sform(None, 0)
    for name, value in fields.items():
        image.header[name] = value
    return image.to_bytes()


one, two = nibabel.Nifti1Image, nibabel.Nifti2Image
put('nifti', 'uint8', nifti(one, 'u1'))
put('nifti', 'int16_be', nifti(one, 'i2', big=True))
put('nifti', 'float64_2', nifti(two, 'f8'))
put('nifti', 'float32_2_be', nifti(two, 'f4', big=True))
put('nifti', 'qform', nifti(one, 'i4', qform=True, affine=np.array(
    [[0, -2, 0, 7], [1.5, 0, 0, 8], [0, 0, 3, 9], [0, 0, 0, 1.0]])))
put('nifti', 'four', nifti(one, 'u2', shape=(3, 2, 2, 3), xyzt_units=11))
put('nifti', 'int64_gz', gzip.compress(nifti(one, 'i8'), mtime=0))
pair = bytearray(nifti(one, 'u1')[:348])
pair[344:348] = b'ni1\0'
pair[108:112] = bytes(4)
put('nifti', 'pair', bytes(pair))


def png(width, height, depth, colour, rows, interlace=0, extra=b''):
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    head = struct.pack('>IIBBBBB', width, height, depth, colour, 0, 0, interlace)
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + extra + chunk(b'IDAT', zlib.compress(rows)) +
            chunk(b'IEND', b''))


def chunk_of(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


put('png', 'grey8', png(3, 2, 8, 0, b'\0\1\2\3\0\4\5\6'))
put('png', 'grey16', png(2, 2, 16, 0, b'\0\1\2\3\4\0\5\6\7\10'))
put('png', 'grey1', png(3, 2, 1, 0, b'\0\xa0\0\x40'))
put('png', 'rgb', png(2, 1, 8, 2, b'\0\1\1\1\2\2\2'))
put('png', 'rgba', png(2, 1, 8, 6, b'\0\1\2\3\4\5\6\7\10'))
put('png', 'rgb16', png(1, 1, 16, 2, b'\0\1\2\3\4\5\6'))
put('png', 'palette', png(2, 1, 8, 3, b'\0\0\1', extra=chunk_of(b'PLTE', b'\1\2\3\4\5\6')))
put('png', 'interlaced', png(1, 1, 8, 0, b'\0\7', interlace=1))
put('png', 'text', png(1, 1, 8, 0, b'\0\7', extra=chunk_of(b'tEXt', b'Comment\0hello')))

writer = os.path.join(os.environ.get('BUILD', 'build'), 'tests', 'write_packed')
for precision in ('bf16', 'int8') if os.path.exists(writer) else ():
    subprocess.run([writer, precision, os.path.join(HERE, 'weights', f'packed_{precision}.h5')], check=True)
