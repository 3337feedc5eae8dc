#include "image/preview.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MARGIN = 8, GAP = 6, TEXT = 2, NAME_LIMIT = 28, LEGEND_LINE = 24, SWATCH = 14 };
static const struct colour black = {0, 0, 0}, white = {255, 255, 255}, paper = {24, 24, 28},
                           pale = {190, 190, 196};

/* After Okabe and Ito's palette for colour-blind readers, brightened for a dark ground. */
static const struct colour palette[] = {{240, 228, 66}, {86, 180, 233},  {255, 110, 40},
                                        {0, 200, 140},  {230, 130, 190}, {255, 170, 20},
                                        {80, 120, 255}, {235, 235, 235}};
enum { COLOURS = sizeof palette / sizeof palette[0] };

struct colour preview_colour(int object)
{
    /* shifted each time round, so that the next in the list seldom repeats a neighbour's colour */
    return palette[(object + object / COLOURS * 3) % COLOURS];
}

/* Solid for the first eight objects, then dashed, then dotted; `along` counts pixels on the line.
 */
static bool inked(int object, int along)
{
    static const int on[] = {1, 6, 2}, period[] = {1, 9, 5};
    int style = object / COLOURS % 3;
    return along % period[style] < on[style];
}

/* ---- layout ---- */

struct layout {
    int columns, rows;
    int tile_width, tile_height; /* pixels of the sheet */
    int legend_columns, legend_rows, legend_width, legend_top;
    int width, height;
};

/* Pixels of the sheet that a millimetre may take, with that many columns. */
static double scale_for(const struct preview_sheet *sheet, int columns)
{
    int rows = (sheet->tile_count + columns - 1) / columns;
    double wide = sheet->width * sheet->spacing_mm[0], high = sheet->height * sheet->spacing_mm[1];
    double room_x = PREVIEW_MAX_SIDE - 2 * MARGIN - (columns - 1) * GAP;
    double room_y = PREVIEW_MAX_SIDE - 300 - 2 * MARGIN - (rows - 1) * GAP;
    return fmin(room_x / columns / wide, room_y / rows / high);
}

/* As many columns as give the largest tiles, but a sheet somewhat wider than high. */
static int columns_for(const struct preview_sheet *sheet)
{
    double aspect = sheet->width * sheet->spacing_mm[0] / (sheet->height * sheet->spacing_mm[1]);
    double wanted = sqrt(1.5 * sheet->tile_count / aspect);
    int columns = (int)floor(wanted + 0.5);
    columns = columns < 1 ? 1 : columns > sheet->tile_count ? sheet->tile_count : columns;
    int rows = (sheet->tile_count + columns - 1) / columns;
    return (sheet->tile_count + rows - 1) / rows;
}

static void place_legend(struct layout *layout, const struct preview_sheet *sheet)
{
    int widest = 0;
    for (int n = 0; n < sheet->object_count; n++) {
        int width = canvas_text_width(TEXT, NAME_LIMIT, sheet->names[n]);
        widest = width > widest ? width : widest;
    }
    layout->legend_width = widest + SWATCH + 24;
    layout->legend_columns = (layout->width - 2 * MARGIN) / layout->legend_width;
    layout->legend_columns = layout->legend_columns < 1 ? 1 : layout->legend_columns;
    layout->legend_rows =
        (sheet->object_count + layout->legend_columns - 1) / layout->legend_columns;
    layout->legend_top = layout->height - MARGIN + GAP + 2;
    layout->height = layout->legend_top + layout->legend_rows * LEGEND_LINE + LEGEND_LINE + MARGIN;
}

static struct layout lay_out(const struct preview_sheet *sheet)
{
    struct layout layout = {.columns = columns_for(sheet)};
    layout.rows = (sheet->tile_count + layout.columns - 1) / layout.columns;
    /* Four pixels for a voxel are enough. */
    double scale = fmin(scale_for(sheet, layout.columns),
                        4 / fmin(sheet->spacing_mm[0], sheet->spacing_mm[1]));
    scale = fmin(scale, 420 / fmin(sheet->width * sheet->spacing_mm[0],
                                   sheet->height * sheet->spacing_mm[1]));
    layout.tile_width = (int)fmax(1, floor(sheet->width * sheet->spacing_mm[0] * scale + 0.5));
    layout.tile_height = (int)fmax(1, floor(sheet->height * sheet->spacing_mm[1] * scale + 0.5));
    int across = layout.columns * (layout.tile_width + GAP) - GAP + 2 * MARGIN;
    layout.width = across < 360 ? 360 : across;
    layout.height = layout.rows * (layout.tile_height + GAP) - GAP + 2 * MARGIN;
    place_legend(&layout, sheet);
    return layout;
}

static void tile_corner(const struct layout *layout, int tile, int *x, int *y)
{
    *x = MARGIN + tile % layout->columns * (layout->tile_width + GAP);
    *y = MARGIN + tile / layout->columns * (layout->tile_height + GAP);
}

struct preview_place preview_place(const struct preview_sheet *sheet, int tile, double column,
                                   double row)
{
    struct layout layout = lay_out(sheet);
    int x, y;
    tile_corner(&layout, tile, &x, &y);
    double w = (double)layout.tile_width / sheet->width,
           h = (double)layout.tile_height / sheet->height;
    return (struct preview_place){x + column * w, y + row * h, w, h};
}

/* ---- one slice ---- */

struct drawing {
    struct canvas *canvas;
    const struct preview_sheet *sheet;
    const struct layout *layout;
    const struct preview_tile *tile;
    int x, y; /* upper left corner of the tile */
};

/* Grey between the four nearest pixels; px, py in pixels of the slice, centres at whole numbers. */
static double grey_at(const struct drawing *d, double px, double py)
{
    int w = d->sheet->width, h = d->sheet->height;
    px = px < 0 ? 0 : px > w - 1 ? w - 1 : px;
    py = py < 0 ? 0 : py > h - 1 ? h - 1 : py;
    int x0 = (int)px, y0 = (int)py, x1 = x0 + 1 < w ? x0 + 1 : x0, y1 = y0 + 1 < h ? y0 + 1 : y0;
    double fx = px - x0, fy = py - y0;
    const uint8_t *top = d->tile->grey + (size_t)y0 * (size_t)w,
                  *low = d->tile->grey + (size_t)y1 * (size_t)w;
    return (1 - fy) * ((1 - fx) * top[x0] + fx * top[x1]) +
           fy * ((1 - fx) * low[x0] + fx * low[x1]);
}

static void draw_grey(const struct drawing *d)
{
    double sx = (double)d->sheet->width / d->layout->tile_width;
    double sy = (double)d->sheet->height / d->layout->tile_height;
    for (int y = 0; y < d->layout->tile_height; y++)
        for (int x = 0; x < d->layout->tile_width; x++) {
            uint8_t g = (uint8_t)(grey_at(d, (x + 0.5) * sx - 0.5, (y + 0.5) * sy - 0.5) + 0.5);
            canvas_dot(d->canvas, d->x + x, d->y + y, (struct colour){g, g, g}, 1);
        }
}

/* The object shown at a pixel of the tile, -1 for none and outside. */
static int object_at(const struct drawing *d, int x, int y)
{
    if (x < 0 || y < 0 || x >= d->layout->tile_width || y >= d->layout->tile_height)
        return -1;
    size_t column = (size_t)((x + 0.5) * d->sheet->width / d->layout->tile_width);
    size_t row = (size_t)((y + 0.5) * d->sheet->height / d->layout->tile_height);
    return d->tile->object[row * (size_t)d->sheet->width + column] - 1;
}

static bool on_edge(const struct drawing *d, int x, int y, int object, int reach)
{
    for (int dy = -reach; dy <= reach; dy++)
        for (int dx = -reach; dx <= reach; dx++)
            if (object_at(d, x + dx, y + dy) != object)
                return true;
    return false;
}

/* Outlines run inside the object, so that neighbours keep theirs. */
static void draw_masks(const struct drawing *d)
{
    int reach = d->layout->tile_width >= 700 ? 2 : 1;
    for (int y = 0; y < d->layout->tile_height; y++)
        for (int x = 0; x < d->layout->tile_width; x++) {
            int object = object_at(d, x, y);
            if (object < 0)
                continue;
            bool line = on_edge(d, x, y, object, reach) && inked(object, x + y);
            canvas_dot(d->canvas, d->x + x, d->y + y, preview_colour(object), line ? 1 : 0.16);
        }
}

static void draw_point(const struct drawing *d, int x, int y, const struct preview_mark *mark)
{
    int radius = 6;
    canvas_disc(d->canvas, x, y, radius + 1, black);
    canvas_disc(d->canvas, x, y, radius, preview_colour(mark->object));
    canvas_fill(d->canvas, x - 3, y - 1, x + 3, y, black, 1);
    if (mark->kind == PREVIEW_POSITIVE)
        canvas_fill(d->canvas, x - 1, y - 4, x, y + 3, black, 1);
}

static void draw_marks(const struct drawing *d)
{
    double sx = (double)d->layout->tile_width / d->sheet->width;
    double sy = (double)d->layout->tile_height / d->sheet->height;
    for (int n = 0; n < d->tile->mark_count; n++) {
        const struct preview_mark *mark = &d->tile->marks[n];
        if (mark->kind == PREVIEW_BOX)
            canvas_frame(d->canvas, d->x + (int)floor(mark->at[0] * sx + 0.5) - 1,
                         d->y + (int)floor(mark->at[1] * sy + 0.5) - 1,
                         d->x + (int)floor(mark->at[2] * sx + 0.5),
                         d->y + (int)floor(mark->at[3] * sy + 0.5), preview_colour(mark->object),
                         mark->carried ? 0.3 : 0.6);
    }
    for (int n = 0; n < d->tile->mark_count; n++) {
        const struct preview_mark *mark = &d->tile->marks[n];
        if (mark->kind != PREVIEW_BOX)
            draw_point(d, d->x + (int)floor((mark->at[0] + 0.5) * sx),
                       d->y + (int)floor((mark->at[1] + 0.5) * sy), mark);
    }
}

static void draw_letter(const struct drawing *d, char letter, int x, int y)
{
    char text[2] = {letter, 0};
    canvas_text(d->canvas, d->x + x, d->y + y, TEXT, 1, pale, text);
}

static void draw_words(const struct drawing *d)
{
    int w = d->layout->tile_width, h = d->layout->tile_height, high = canvas_text_height(TEXT);
    canvas_text(d->canvas, d->x + 4, d->y + 4, TEXT, 12, white, d->tile->caption);
    draw_letter(d, d->sheet->letters[0][0], 4, (h - high) / 2);
    draw_letter(d, d->sheet->letters[0][1], w - 13, (h - high) / 2);
    draw_letter(d, d->sheet->letters[1][0], w / 2 - 5, 4);
    draw_letter(d, d->sheet->letters[1][1], w / 2 - 5, h - high - 1);
}

/* ---- below the slices ---- */

static void draw_legend(struct canvas *canvas, const struct preview_sheet *sheet,
                        const struct layout *layout)
{
    for (int n = 0; n < sheet->object_count; n++) {
        int x = MARGIN + n / layout->legend_rows * layout->legend_width;
        int y = layout->legend_top + n % layout->legend_rows * LEGEND_LINE;
        struct colour colour = preview_colour(n);
        canvas_fill(canvas, x, y, x + SWATCH - 1, y + SWATCH - 1, colour, 0.25);
        for (int along = 0; along < SWATCH; along++) {
            if (!inked(n, along))
                continue;
            canvas_fill(canvas, x + along, y, x + along, y + 1, colour, 1);
            canvas_fill(canvas, x + along, y + SWATCH - 2, x + along, y + SWATCH - 1, colour, 1);
            canvas_fill(canvas, x, y + along, x + 1, y + along, colour, 1);
            canvas_fill(canvas, x + SWATCH - 2, y + along, x + SWATCH - 1, y + along, colour, 1);
        }
        canvas_text(canvas, x + SWATCH + 8, y, TEXT, NAME_LIMIT, white, sheet->names[n]);
    }
}

/* A bar of 1, 2 or 5 times a power of ten millimetres, no longer than half a tile. */
static void draw_scale(struct canvas *canvas, const struct preview_sheet *sheet,
                       const struct layout *layout)
{
    double pixels_per_mm = layout->tile_width / (sheet->width * sheet->spacing_mm[0]);
    static const double steps[] = {1000, 500, 200, 100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1};
    double room = layout->tile_width < 200 ? 100 : 0.5 * layout->tile_width, mm = 0;
    for (size_t n = 0; n < sizeof steps / sizeof steps[0] && mm == 0; n++)
        mm = steps[n] * pixels_per_mm <= room ? steps[n] : 0;
    if (mm == 0)
        return;
    char text[32];
    snprintf(text, sizeof text, "%g mm", mm);
    int length = (int)(mm * pixels_per_mm + 0.5), y = layout->height - MARGIN - 8;
    canvas_fill(canvas, MARGIN, y - 1, MARGIN + length - 1, y, pale, 1);
    canvas_fill(canvas, MARGIN, y - 5, MARGIN + 1, y + 4, pale, 1);
    canvas_fill(canvas, MARGIN + length - 2, y - 5, MARGIN + length - 1, y + 4, pale, 1);
    canvas_text(canvas, MARGIN + length + 10, y - 7, TEXT, 12, pale, text);
}

enum sm_status preview_draw(struct canvas *canvas, const struct preview_sheet *sheet,
                            struct sm_err *err)
{
    struct layout layout = lay_out(sheet);
    enum sm_status status = canvas_open(canvas, layout.width, layout.height, paper, err);
    if (status)
        return status;
    for (int n = 0; n < sheet->tile_count; n++) {
        struct drawing d = {canvas, sheet, &layout, &sheet->tiles[n], 0, 0};
        tile_corner(&layout, n, &d.x, &d.y);
        draw_grey(&d);
        draw_masks(&d);
        draw_marks(&d);
        draw_words(&d);
    }
    draw_legend(canvas, sheet, &layout);
    draw_scale(canvas, sheet, &layout);
    return SM_OK;
}
