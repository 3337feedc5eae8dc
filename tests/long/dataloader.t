#!/usr/bin/perl
# The published DataLoader.py reads what `slice` writes. SAMMED2D_REFERENCE names a checkout of OpenGVLab/SAM-Med2D;
# torch and torchvision are Debian's, the rest goes into a temporary venv.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd 'abs_path';
use File::Temp 'tempdir';
use Run;
use Test::More;

my $program = abs_path($ENV{BUILD} // 'build') . '/sammed2d';
my $reference = $ENV{SAMMED2D_REFERENCE} // '';
plan skip_all => 'SAMMED2D_REFERENCE does not name a checkout of OpenGVLab/SAM-Med2D' unless -f "$reference/DataLoader.py";
plan skip_all => 'python3-torch and python3-torchvision are not installed'
    if system "/usr/bin/python3 -c 'import torch, torchvision' 2>/dev/null";
my $dir = tempdir(CLEANUP => 1);
my $said = `(/usr/bin/python3 -m venv --system-site-packages $dir/venv && timeout 900 $dir/venv/bin/pip install -q 'albumentations==1.3.1' 'opencv-python-headless<4.10' scikit-image matplotlib tqdm 'numpy<2') 2>&1`;
plan skip_all => "albumentations and the like cannot be had: $said" if $?;

my $root = abs_path('.');
is(system("cd $dir && $program slice -q --data $root/data/ct -o data_demo --plane axial"),
    0, 'a phantom is sliced');
$reference = abs_path($reference);
spew("$dir/read.py", <<'EOF');
import json, os, sys
sys.path.insert(0, sys.argv[1])
import cv2
from DataLoader import TestingDataset, TrainingDataset
images = json.load(open("data_demo/image2label_train.json"))
train, test = TrainingDataset("data_demo"), TestingDataset("data_demo")
assert len(train) == len(images) and len(test) == sum(map(len, images.values()))
for n in range(len(test)):
    item = test[n]
    mask = cv2.imread("data_demo/masks/" + item["name"], 0)
    assert item["image"].shape == (3, 256, 256) and int(item["ori_label"].sum()) == int((mask > 0).sum())
    x0, y0, x1, y1 = item["boxes"][0].tolist()
    assert x1 > x0 and y1 > y0 and item["label"].max() == 1
for n in range(len(train)):
    assert train[n]["label"].shape[0] == 5
print(len(train), "images", len(test), "masks")
EOF
my $read = `cd $dir && MPLBACKEND=agg $dir/venv/bin/python -W ignore read.py $reference 2>&1`;
like($read, qr/^[1-9]\d* images [1-9]\d* masks$/m, 'the published loader takes every image and every mask') or diag($read);
diag($read =~ s/\s+$//r);
done_testing;
