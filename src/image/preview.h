/* image/preview.h - a contact sheet: slices in true aspect with outlines, prompts, slice numbers,
 * orientation letters and a legend. It knows pictures and marks, not how they came about.
 */
#ifndef IMAGE_PREVIEW_H
#define IMAGE_PREVIEW_H

#include <stdbool.h>
#include <stdint.h>
#include "image/canvas.h"
#include "sammed2d/error.h"

enum preview_mark_kind { PREVIEW_BOX, PREVIEW_POSITIVE, PREVIEW_NEGATIVE };
struct preview_mark {
    enum preview_mark_kind kind;
    int object;   /* 0-based */
    float at[4];  /* x0, y0, x1, y1 in pixels, x1 and y1 one past the last; a point uses x0, y0 */
    bool carried; /* from the next slice, not given by the user: drawn fainter */
};

struct preview_tile {
    char caption[32]; /* which slice: "k 12" */
    uint8_t *grey;    /* (height, width) */
    uint16_t *object; /* (height, width): 0 nothing, else 1 + object */
    struct preview_mark *marks;
    int mark_count;
};

struct preview_sheet {
    int width, height;    /* of every slice, in pixels */
    double spacing_mm[2]; /* from column to column, from row to row */
    char letters[2][2];   /* left and right edge, top and bottom edge; 0: none */
    const char *const *names;
    int object_count;
    const struct preview_tile *tiles;
    int tile_count; /* at least 1 */
};

/* At most PREVIEW_MAX_SIDE pixels wide, and as high where the legend is not very long. Colours can
 * be told apart by those who see fewer; where there are more objects than colours, outlines are
 * dashed, then dotted. Close the canvas with canvas_close. */
enum { PREVIEW_MAX_SIDE = 1440 };
enum sm_status preview_draw(struct canvas *canvas, const struct preview_sheet *sheet,
                            struct sm_err *err);

/* Colour of an object, as the legend shows it. */
struct colour preview_colour(int object);

/* Where pixel (column, row) of tile number `tile` is on the sheet: its upper left corner and size.
 */
struct preview_place {
    double x, y, width, height;
};
struct preview_place preview_place(const struct preview_sheet *sheet, int tile, double column,
                                   double row);

#endif
