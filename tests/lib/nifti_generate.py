#!/usr/bin/env python3
"""Writes NIfTI files of every kind, sound and hostile, into a folder, and the table of what must
become of each on standard output, as tests/cli/nifti_cases.txt has it. One verdict more:
"FILE odd WORDS...": it reads, with a warning that has these words (none: without one). And
"FILE same OTHER": it reads as OTHER does.

    nifti_generate.py FOLDER
"""
import gzip
import os
import struct
import sys

import nibabel
import numpy as np

AFFINE = np.array([[-1.5, 0.2, 0.1, 40.25], [0.25, 1.75, -0.3, -60.5], [0.125, 0.25, 2.5, 12], [0, 0, 0, 1]])
ROTATION = np.array([[0, -2, 0, 7], [1.5, 0, 0, 8], [0, 0, 3, 9], [0, 0, 0, 1.0]])
TYPES = ['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64', 'float32', 'float64']

folder = sys.argv[1]
rng = np.random.default_rng(20240511)


def voxels(dtype, shape=(5, 4, 3)):
    dtype = np.dtype(dtype)
    if dtype.kind == 'f':
        values = rng.normal(size=shape) * 1000
        values.flat[:3] = [np.nan, np.inf, -np.inf]
        return values.astype(dtype)
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    values = rng.integers(low, high, size=shape, dtype=dtype, endpoint=True)
    values.flat[:2] = [low, high]
    return values


def row(name, *words):
    print(name, *words)


def save(image, name, form='sform'):
    image.to_filename(os.path.join(folder, name))
    row(name, 'reads', form)


def image_of(data, affine=AFFINE, kind=nibabel.Nifti1Image, big=False, sform=1, qform=0):
    image = kind(data, affine, kind.header_class(endianness='>' if big else '<'), dtype=data.dtype)
    image.set_data_dtype(data.dtype.newbyteorder('>' if big else '<'))
    image.set_sform(affine, sform)
    if qform:
        image.set_qform(affine, qform)
    else:
        image.header['qform_code'] = 0
    return image


def every_type():
    for dtype in TYPES:
        for big in (False, True):
            for kind, version in ((nibabel.Nifti1Image, 1), (nibabel.Nifti2Image, 2)):
                gz = '.gz' if big == (version == 1) else ''
                save(image_of(voxels(dtype), kind=kind, big=big),
                     f"{dtype}_{'be' if big else 'le'}_{version}.nii{gz}")


def pairs():
    for big in (False, True):
        for gz in ('', '.gz'):
            for kind, version in ((nibabel.Nifti1Pair, 1), (nibabel.Nifti2Pair, 2)):
                stem = f"pair_{'be' if big else 'le'}_{version}{gz.replace('.', '_')}"
                data = voxels('int16')
                data.flat[0] = 8075 if big else -29921  # 1f 8b: raw voxels that look like gzip
                save(image_of(data, kind=kind, big=big), f'{stem}.hdr{gz}')
                row(f'{stem}.img{gz}', 'reads sform')


def geometry():
    signs = [(x, y, z) for x in (1, -1) for y in (1, -1) for z in (1, -1)]
    for order in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        for number, sign in enumerate(signs):
            affine = np.eye(4)
            affine[:3, :3] = (AFFINE[:3, :3] * sign)[:, order]
            name = ''.join(map(str, order)) + f'_{number}.nii'
            save(image_of(voxels('uint8'), affine), 's' + name)
            turned = np.eye(4)
            turned[:3, :3] = (ROTATION[:3, :3] * sign)[:, order]
            save(image_of(voxels('uint8'), turned, sform=0, qform=1), 'q' + name, 'qform')
    sheared = np.array([[2, 0, 0, 1], [0, 2, 0.75, 2], [0, 0, 3, 3], [0, 0, 0, 1.0]])
    save(image_of(voxels('int16'), sheared), 'sheared.nii.gz')
    save(image_of(voxels('int16'), ROTATION, sform=2, qform=1), 'both_forms.nii')
    save(image_of(voxels('int16'), ROTATION, sform=0), 'no_form.nii', 'pixdim')
    for code, unit in ((0, 'unknown'), (1, 'meter'), (3, 'micron')):
        image = image_of(voxels('uint8'))
        image.header['xyzt_units'] = code | 16
        save(image, f'unit_{unit}.nii')


def scaling():
    for name, slope, inter in (('both', 0.1, -1000), ('negative', -2, 3), ('zero', 0, 7),
                               ('nan', np.nan, np.nan), ('infinite', np.inf, 5)):
        image = image_of(voxels('int16'))
        path = os.path.join(folder, f'slope_{name}.nii')
        image.to_filename(path)
        patch_file(path, {112: struct.pack('<f', slope), 116: struct.pack('<f', inter)})
        row(f'slope_{name}.nii', 'reads sform')


def shapes():
    for shape in ((5, 4), (5, 4, 1), (1, 1, 6), (5, 4, 3, 1), (5, 4, 3, 1, 1, 1, 1), (5, 4, 3, 4),
                  (5, 4, 3, 1, 2), (2, 3, 2, 2, 3, 2, 2)):
        name = 'shape_' + 'x'.join(map(str, shape))
        save(image_of(voxels('int16', shape)), name + '.nii')
    save(image_of(voxels('uint8', (40000, 2, 1)), kind=nibabel.Nifti2Image), 'long_axis.nii.gz')


def patch_file(path, patches):
    with open(path, 'r+b') as file:
        for offset, data in patches.items():
            file.seek(offset)
            file.write(data)


def sound_bytes(kind=nibabel.Nifti1Image, **keywords):
    return image_of(voxels('int16'), kind=kind, **keywords).to_bytes()


def put(name, data, *words):
    with open(os.path.join(folder, name), 'wb') as file:
        file.write(data)
    row(name, *words)


def patched(data, patches):
    data = bytearray(data)
    for offset, piece in patches.items():
        data[offset:offset + len(piece)] = piece
    return bytes(data)


def shorts(*values):
    return struct.pack(f'<{len(values)}h', *values)


def floats(*values):
    return struct.pack(f'<{len(values)}f', *values)


def hostile_1():
    sound = sound_bytes()
    quaternion = sound_bytes(affine=ROTATION, sform=0, qform=1)
    nan = float('nan')
    for name, patches, *words in (
            ('dims_0', {40: shorts(0)}, 4, '0 dimensions'),
            ('dims_9', {40: shorts(9)}, 4, '9 dimensions'),
            ('dims_minus', {40: shorts(-3)}, 4, '-3 dimensions'),
            ('nx_minus', {42: shorts(-5)}, 4, 'dimension 1 is -5'),
            ('nz_0', {46: shorts(0)}, 4, 'dimension 3 is 0'),
            ('nt_minus', {40: shorts(4), 48: shorts(-1)}, 4, 'dimension 4 is -1'),
            ('huge', {40: shorts(3, 32767, 32767, 32767)}, 4, 'cut short'),
            ('huge_7', {40: shorts(7, *[32767] * 7)}, 4, 'more voxels than any file'),
            ('huge_5', {40: shorts(5, 1, 1, 1, 32767, 32767)}, 4, 'cut short'),
            ('offset_far', {108: floats(1e9)}, 4, 'cut short'),
            ('offset_minus', {108: floats(-352)}, 4, 'voxels begin at byte -352'),
            ('offset_half', {108: floats(352.5)}, 4, 'voxels begin at byte 352.5'),
            ('offset_nan', {108: floats(nan)}, 4, 'voxels begin at byte'),
            ('offset_infinite', {108: floats(float('inf'))}, 4, 'voxels begin at byte inf'),
            ('type_0', {70: shorts(0)}, 4, 'data type 0'),
            ('type_77', {70: shorts(77)}, 4, 'data type 77'),
            ('type_bit', {70: shorts(1)}, 5, 'one-bit'),
            ('sform_nan', {280: floats(nan)}, 4, 'sform does not place'),
            ('sform_infinite', {292: floats(float('inf'))}, 4, 'sform does not place'),
            ('sform_zero', {280: bytes(48)}, 4, 'sform does not place'),
            ('sform_flat', {312: floats(0, 0, 0, 0)}, 4, 'sform does not place'),
            ('magic_none', {344: b'\0\0\0\0'}, 5, 'ANALYZE 7.5'),
            ('magic_n3', {344: b'n+3\0'}, 5, 'ANALYZE 7.5'),
            ('magic_pair', {344: b'ni1\0'}, 2, '.img, are not there'),
            ('size_0', {0: struct.pack('<i', 0)}, 4, 'not a NIfTI file')):
        put(f'bad_{name}.nii', patched(sound, patches), 'refused', *words)
    put('bad_quaternion_nan.nii', patched(quaternion, {256: floats(nan)}), 'refused', 4, 'qform does not')
    put('bad_quaternion_long.nii', patched(quaternion, {256: floats(3, 0, 0)}), 'refused', 4, 'qform does not')
    put('bad_qoffset_nan.nii', patched(quaternion, {268: floats(nan)}), 'refused', 4, 'qform does not')
    # what is odd but can be read
    put('sound.nii', sound, 'reads sform')
    put('odd_offset_0.nii', patched(sound, {108: floats(0)}), 'same sound.nii')
    put('odd_offset_100.nii', patched(sound, {108: floats(100)}), 'odd', 'at least 352')
    put('odd_gap.nii', patched(sound[:352], {108: floats(357)}) + b'extra' + sound[352:], 'reads sform')
    put('odd_inter_nan.nii', patched(sound, {112: floats(1, nan)}), 'odd', 'scl_inter')  # nibabel refuses
    for axis, value in ((1, 0), (2, nan), (3, -3)):
        put(f'odd_pixdim_{axis}.nii', patched(quaternion, {76 + 4 * axis: floats(value)}), 'odd',
            'is impossible')
    put('odd_qfac_0.nii', patched(quaternion, {76: floats(0)}), 'odd')
    far = patched(sound_bytes(affine=ROTATION, qform=1), {268: floats(100)})
    put('odd_forms_differ.nii', far, 'odd', 'sform and qform differ')
    put('odd_qform_nan.nii', patched(far, {256: floats(nan)}), 'odd', 'qform is damaged')


def hostile_2():
    sound = sound_bytes(kind=nibabel.Nifti2Image)
    for name, patches, *words in (
            ('dims_9', {16: struct.pack('<q', 9)}, 4, '9 dimensions'),
            ('nx_minus', {24: struct.pack('<q', -5)}, 4, 'dimension 1 is -5'),
            ('nx_huge', {24: struct.pack('<q', 1 << 40)}, 4, 'dimension 1 is 1099511627776'),
            ('nt_huge', {16: struct.pack('<q', 4), 48: struct.pack('<q', 1 << 62)}, 4, 'more voxels'),
            ('offset_huge', {168: struct.pack('<q', (1 << 63) - 1)}, 4, 'voxels begin at byte'),
            ('offset_minus', {168: struct.pack('<q', -1)}, 4, 'voxels begin at byte -1'),
            ('text_mode', {4: b'n+2\0\n\032\n\0'}, 4, 'text mode'),
            ('magic', {4: b'n+3\0'}, 4, 'without its magic'),
            ('cifti', {504: struct.pack('<i', 3001)}, 5, 'CIFTI')):
        put(f'bad2_{name}.nii', patched(sound, patches), 'refused', *words)


def hostile_types():
    data = np.zeros((5, 4, 3))
    for dtype, word in ((np.complex64, 'complex64'), (np.complex128, 'complex128'),
                        (np.longdouble, 'float128'), (np.clongdouble, 'complex256')):
        header = nibabel.Nifti1Header()
        header.set_data_shape(data.shape)
        header['datatype'] = {'complex64': 32, 'complex128': 1792, 'float128': 1536, 'complex256': 2048}[word]
        header.set_sform(AFFINE, 1)
        header['vox_offset'] = 352
        header['magic'] = b'n+1'
        put(f'type_{word}.nii', header.binaryblock + bytes(4) + bytes(32 * 60), 'refused', 5, f'type {word}')
    for code, word, size in ((128, 'RGB', 3), (2304, 'RGBA', 4)):
        put(f'type_{word}.nii', patched(sound_bytes(), {70: shorts(code)}) + bytes(size * 60), 'refused', 5,
            f'type {word} are')


def hostile_files():
    sound = open(os.path.join(folder, 'sound.nii'), 'rb').read()
    packed = gzip.compress(sound, mtime=0)
    put('empty.nii', b'', 'refused', 4, 'empty')
    put('empty.nii.gz', b'', 'refused', 4, 'empty')
    put('one_byte.nii', b'\x5c', 'refused', 4, 'not a NIfTI')
    put('text.nii', b'Dear reader, this is not an image.\n' * 20, 'refused', 4, 'not a NIfTI')
    put('ascii.nii', b"<nifti_image\n nifti_type = 'NIFTI-1A'\n/>\n" * 20, 'refused', 5, 'ASCII')
    put('header_347.nii', sound[:347], 'refused', 4, 'cut short')
    put('voxels_less_1.nii', sound[:-1], 'refused', 4, 'cut short')
    put('voxels_less_1.nii.gz', gzip.compress(sound[:-1], mtime=0), 'refused', 4, 'cut short')
    put('gz_cut.nii.gz', packed[:-20], 'refused', 4, 'cut short')
    put('gz_no_trailer.nii.gz', packed[:-8], 'refused', 4, 'cut short')
    damaged = bytearray(packed)
    damaged[len(damaged) // 2] ^= 0x10
    put('gz_damaged.nii.gz', bytes(damaged), 'refused', 4)
    put('gz_text.nii.gz', gzip.compress(b'hello' * 200), 'refused', 4, 'not a NIfTI')
    put('gz_header_only.nii.gz', gzip.compress(sound[:352]), 'refused', 4)
    # a small file that promises gigabytes, and one that inflates to many
    promise = patched(sound[:352], {40: shorts(3, 1200, 1200, 1200)})
    put('bomb_promise.nii.gz', gzip.compress(promise + bytes(20 << 20)), 'refused', 4, 'cut short')
    put('gz_named_plain.nii', packed, 'same sound.nii')
    put('plain_named_gz.nii.gz', sound, 'same sound.nii')
    put('gz_two_members.nii.gz', gzip.compress(sound[:400]) + gzip.compress(sound[400:]), 'reads sform')
    put('trailing_bytes.nii', sound + b'more', 'reads sform')
    put('trailing_bytes.nii.gz', gzip.compress(sound + b'more'), 'reads sform')
    put('lonely.hdr', patched(sound[:348], {108: floats(0), 344: b'ni1\0'}), 'refused', 2, 'are not there')
    put('orphan.img', sound[352:], 'refused', 2, '.hdr, is not there')


def main():
    for part in (every_type, pairs, geometry, scaling, shapes, hostile_1, hostile_2, hostile_types,
                 hostile_files):
        part()


main()
