/* cmd/preview.h - --preview: the result of sm_segment as a contact sheet. */
#ifndef CMD_PREVIEW_H
#define CMD_PREVIEW_H

#include "sammed2d/segment.h"

/* Writes a PNG with outlines and prompts drawn into the slices that carry objects: twenty of them
 * chosen evenly, and some more where an object would not be seen otherwise. Captions are voxel
 * indices along the slice axis. SM_OUTPUT when it cannot be written. */
enum sm_status cmd_write_preview(const char *path, const struct sm_volume *volume,
                                 const struct sm_result *result, struct sm_err *err);
#endif
