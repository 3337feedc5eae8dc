#!/usr/bin/env python3
"""A second opinion on NIfTI: nibabel and numpy against what sammed2d read and wrote.

    nifti_witness.py CASES FOLDER BUILD    TAP: every line of CASES (see tests/cli/nifti_cases.txt)
                                           holds, and every file in FOLDER has a line

Nothing of sammed2d is used but its programs: build/tests/dump_volume and `sammed2d info --json`.
"""
import json
import os
import resource
import subprocess
import sys
import tempfile

import nibabel
import numpy as np

PLACEMENT = ['pixdim', 'qform_code', 'sform_code', 'quatern_b', 'quatern_c', 'quatern_d', 'qoffset_x',
             'qoffset_y', 'qoffset_z', 'srow_x', 'srow_y', 'srow_z', 'xyzt_units']


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def check(self, name, problems):
        self.count += 1
        self.failed += bool(problems)
        print('not ok' if problems else 'ok', self.count, '-', name)
        for problem in problems:
            print('#  ', problem)

    def end(self):
        print(f'1..{self.count}')
        return 1 if self.failed else 0


def run(command, most_mb=None):
    """With most_mb, memory beyond it is refused to the program: a status 8 that no case expects."""
    def limit():
        if most_mb:
            resource.setrlimit(resource.RLIMIT_AS, (most_mb << 20, most_mb << 20))
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                          preexec_fn=limit)


def read_cases(path):
    with open(path) as lines:
        for line in lines:
            if line.strip() and not line.startswith('#'):
                yield line.split()


def unit_scale(header):
    return {1: 1000.0, 3: 0.001}.get(int(header['xyzt_units']) & 7, 1.0)


def quaternion_tolerance(header):
    """At half a turn float32 leaves the quaternion's fourth component, sqrt(1 - bb - cc - dd), to
    chance below sqrt(1e-7): niftilib takes 0 there, nibabel the noise. Per mm of spacing."""
    rest = 1 - sum(float(header['quatern_' + part]) ** 2 for part in 'bcd')
    return 7e-4 if rest < 1e-7 else 1e-6


def expected_affine(image, form):
    """RAS, in mm, and the tolerance."""
    header = image.header
    if form == 'sform':
        affine = header.get_sform()
    elif form == 'qform':
        affine = header.get_qform()
    else:
        affine = np.diag([*header['pixdim'][1:4].astype(float), 1.0])
    affine = affine.astype(float)
    affine[:3] *= unit_scale(header)
    spacing = np.abs(affine[:3, :3]).max()
    return affine, quaternion_tolerance(header) * spacing if form == 'qform' else 0


def volume_values(image, index):
    """float32 of volume `index`, scaled in double by the standard's rule, (nz, ny, nx)."""
    stored = image.dataobj.get_unscaled().astype(np.float64)
    slope, inter = image.dataobj.slope, image.dataobj.inter
    shape = list(image.shape[:3]) + [1] * (3 - len(image.shape[:3]))
    # Fortran order: dims 4.. run slower than the volume
    flat = stored.reshape(shape + [-1], order='F')
    with np.errstate(invalid='ignore', over='ignore'):
        return (flat[..., index] * slope + inter).astype(np.float32).transpose(2, 1, 0)


def volume_count(image):
    return int(np.prod(image.shape[3:])) if len(image.shape) > 3 else 1


def check_geometry(said, image, form):
    problems = []
    affine, tolerance = expected_affine(image, form)
    affine[:2] *= -1  # RAS to LPS
    shape = (list(image.shape[:3]) + [1, 1])[:3]
    if said['dim'] != shape:
        problems.append(f"dim {said['dim']}, nibabel {shape}")
    difference = np.abs(np.array(said['affine_lps']) - affine).max()
    if not difference <= tolerance:
        problems.append(f'affine differs from nibabel by {difference}')
    return problems


def check_voxels(path, build, image, index, scratch):
    raw = os.path.join(scratch, 'values.f32')
    ask = str(index) if volume_count(image) > 1 else '-1'
    labels = os.path.join(scratch, 'labels.nii' + ('.gz' if index else ''))
    done = run([f'{build}/tests/dump_volume', path, ask, raw, labels, '300' if index else '200'])
    if done.returncode:
        return None, [f'volume {index}: status {done.returncode}: {done.stderr.decode()}']
    said = json.loads(done.stdout)
    expected = volume_values(image, index)
    found = np.fromfile(raw, np.float32)
    if found.size != expected.size:
        return said, [f'{found.size} voxels, nibabel {expected.size}']
    wrong = ~((found.reshape(expected.shape) == expected) |
              (np.isnan(found.reshape(expected.shape)) & np.isnan(expected)))
    problems = [f'volume {index}: {wrong.sum()} voxels differ from nibabel'] if wrong.any() else []
    return said, problems + check_labels(labels, image, expected.shape, 300 if index else 200)


def same_field(a, b):
    a, b = np.asarray(a), np.asarray(b)
    return np.array_equal(a.astype(np.float64), b.astype(np.float64), equal_nan=True)


def check_labels(path, source, shape, modulus):
    """A label map written in the geometry of the source repeats its placement fields to the bit."""
    image = nibabel.load(path)
    problems = [f'label map: {name} is {image.header[name]}, source {source.header[name]}'
                for name in PLACEMENT if not same_field(image.header[name], source.header[name])]
    voxels = np.asarray(image.dataobj).transpose(2, 1, 0)
    wanted = (np.arange(np.prod(shape)) % modulus).reshape(shape)
    if voxels.shape != shape or not np.array_equal(voxels, wanted):
        problems.append('label map: other voxels than were written')
    if voxels.dtype != (np.uint8 if wanted.max() < 256 else np.uint16):
        problems.append(f'label map: type {voxels.dtype}')
    if image.header['sizeof_hdr'] != source.header['sizeof_hdr']:
        problems.append('label map: another NIfTI version than the source')
    if not bytes(image.header['descrip'].item()).startswith(b'sammed2d '):
        problems.append('label map: descrip does not name sammed2d')
    return problems


def check_info(path, build, image, form):
    done = run([f'{build}/sammed2d', 'info', '--json', path])
    if done.returncode:
        return [f'info: status {done.returncode}']
    volumes = json.loads(done.stdout)['volumes']
    if len(volumes) != 1:
        return [f'info: {len(volumes)} volumes']
    problems = check_geometry(volumes[0], image, form)
    affine = expected_affine(image, form)[0]
    letters = ''.join(nibabel.aff2axcodes(affine))
    if volumes[0]['orientation'] != letters:
        problems.append(f"info: orientation {volumes[0]['orientation']}, nibabel {letters}")
    if not np.allclose(volumes[0]['spacing_mm'], np.sqrt((affine[:3, :3] ** 2).sum(0))):
        problems.append('info: spacing_mm')
    if volumes[0]['volumes_in_file'] != volume_count(image) or volumes[0]['placed_by'] != form:
        problems.append('info: volumes_in_file or placed_by')
    return problems


def check_same(path, other, build, scratch):
    answers = []
    for name in (path, other):
        raw = os.path.join(scratch, 'same.f32')
        done = run([f'{build}/tests/dump_volume', name, '-1', raw])
        if done.returncode:
            return [f'status {done.returncode}: {done.stderr.decode()}']
        with open(raw, 'rb') as file:
            answers.append((done.stdout, file.read()))
    return [] if answers[0] == answers[1] else [f'reads other than {other}']


def check_reads(path, build, form, scratch):
    image = nibabel.load(path)
    count = volume_count(image)
    problems = check_info(path, build, image, form)
    for index in sorted({0, count - 1}):
        said, more = check_voxels(path, build, image, index, scratch)
        problems += more
        if said:
            problems += check_geometry(said, image, form)
    if count > 1:
        done = run([f'{build}/tests/dump_volume', path, '-1', '/dev/null'])
        if done.returncode != 5 or b'--volume' not in done.stderr:
            problems.append(f'{count} volumes, but no question for --volume')
    return problems


def sanitized(build):
    with open(f'{build}/tests/dump_volume', 'rb') as program:
        return b'__asan_init' in program.read()


def check_refused(path, build, status, words):
    # a sanitizer reserves terabytes of addresses
    done = run([f'{build}/tests/dump_volume', path, '-1', '/dev/null'],
               None if sanitized(build) else 200)
    said, problems = done.stderr.decode(), []
    if done.returncode != int(status):
        problems.append(f'status {done.returncode}, expected {status}')
    if words not in said or said.count('\n') != 1:
        problems.append(f'said "{said}", expected one sentence with "{words}"')
    info = run([f'{build}/sammed2d', 'info', '--json', path])
    document = json.loads(info.stdout)
    reasons = [v['reason'] for v in document['volumes']] + [f['reason'] for f in document['left_out']]
    if info.returncode == 0 or len(reasons) != 1 or not reasons[0]:
        problems.append(f'info: status {info.returncode}, reasons {reasons}')
    return problems


def check_odd(path, build, words):
    done = run([f'{build}/tests/dump_volume', path, '-1', '/dev/null'])
    if done.returncode:
        return [f'status {done.returncode}: {done.stderr.decode()}']
    said = json.loads(done.stdout)
    problems = []
    if [words in warning for warning in said['warnings']] != [True] * bool(words):
        problems.append(f"warnings {said['warnings']}, expected \"{words}\"")
    with open(path, 'rb') as file:
        header = nibabel.Nifti1Header(file.read(348), check=False)
    if header['sform_code'] > 0:
        affine = header.get_sform() * [[-1], [-1], [1], [1]]
        if not np.array_equal(said['affine_lps'], affine):
            problems.append('the affine is not the sform')
    else:
        spacing = np.abs(np.nan_to_num(header['pixdim'][1:4], nan=1))
        spacing[spacing == 0] = 1
        if not np.allclose(np.linalg.norm(np.array(said['affine_lps'])[:3, :3], axis=0), spacing):
            problems.append('spacing is not |pixdim|, 1 where that is impossible')
    return problems


def main(cases, folder, build):
    tap = Tap()
    known = set()
    with tempfile.TemporaryDirectory() as scratch:
        for name, verdict, *rest in read_cases(cases):
            known.add(name)
            path = os.path.join(folder, name)
            try:
                if verdict == 'reads':
                    problems = check_reads(path, build, rest[0], scratch)
                elif verdict == 'same':
                    problems = check_same(path, os.path.join(folder, rest[0]), build, scratch)
                elif verdict == 'odd':
                    problems = check_odd(path, build, ' '.join(rest))
                else:
                    problems = check_refused(path, build, rest[0], ' '.join(rest[1:]))
            except Exception as error:  # the case fails, the others are still looked at
                problems = [f'{type(error).__name__}: {error}']
            tap.check(f'{name} {verdict}', problems)
    there = {os.path.relpath(os.path.join(root, file), folder)
             for root, _, files in os.walk(folder) for file in files}
    tap.check('every file has a line', sorted(there - known))
    return tap.end()


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
