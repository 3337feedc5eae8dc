/* sammed2d.h - everything at once. tests/examples/segment_box.c is a program of forty lines. */
#ifndef SAMMED2D_H
#define SAMMED2D_H

#include "sammed2d/compare.h"
#include "sammed2d/dataset.h"
#include "sammed2d/dicom.h"
#include "sammed2d/error.h"
#include "sammed2d/evaluate.h"
#include "sammed2d/input.h"
#include "sammed2d/listener.h"
#include "sammed2d/metrics.h"
#include "sammed2d/model.h"
#include "sammed2d/nifti.h"
#include "sammed2d/picture.h"
#include "sammed2d/prompts.h"
#include "sammed2d/segment.h"
#include "sammed2d/slices.h"
#include "sammed2d/stack.h"
#include "sammed2d/view.h"
#include "sammed2d/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

const char *sm_version(void); /* "0.1.0" */

#ifdef __cplusplus
}
#endif

#endif
