#include "image/canvas.h"

#include <stdlib.h>
#include "image/font.h"

enum sm_status canvas_open(struct canvas *canvas, int width, int height, struct colour paper,
                           struct sm_err *err)
{
    *canvas = (struct canvas){.width = width, .height = height};
    if (width < 1 || height < 1 || width > INT16_MAX || height > INT16_MAX)
        return sm_fail(err, SM_UNSUPPORTED, "a picture of %d x %d pixels cannot be drawn", width,
                       height);
    canvas->rgb = malloc((size_t)width * (size_t)height * 3);
    if (!canvas->rgb)
        return sm_fail(err, SM_MEMORY, "no memory for a picture of %d x %d pixels", width, height);
    canvas_fill(canvas, 0, 0, width - 1, height - 1, paper, 1);
    return SM_OK;
}

void canvas_close(struct canvas *canvas)
{
    free(canvas->rgb);
    *canvas = (struct canvas){0};
}

static uint8_t mixed(uint8_t under, uint8_t over, double opacity)
{
    return (uint8_t)(under + opacity * (over - under) + 0.5);
}

void canvas_dot(struct canvas *canvas, int x, int y, struct colour colour, double opacity)
{
    if (x < 0 || y < 0 || x >= canvas->width || y >= canvas->height)
        return;
    uint8_t *at = canvas->rgb + ((size_t)y * (size_t)canvas->width + (size_t)x) * 3;
    at[0] = mixed(at[0], colour.r, opacity);
    at[1] = mixed(at[1], colour.g, opacity);
    at[2] = mixed(at[2], colour.b, opacity);
}

void canvas_fill(struct canvas *canvas, int x0, int y0, int x1, int y1, struct colour colour,
                 double opacity)
{
    x0 = x0 < 0 ? 0 : x0, x1 = x1 >= canvas->width ? canvas->width - 1 : x1;
    y0 = y0 < 0 ? 0 : y0, y1 = y1 >= canvas->height ? canvas->height - 1 : y1;
    for (int y = y0; y <= y1; y++)
        for (int x = x0; x <= x1; x++)
            canvas_dot(canvas, x, y, colour, opacity);
}

void canvas_frame(struct canvas *canvas, int x0, int y0, int x1, int y1, struct colour colour,
                  double opacity)
{
    canvas_fill(canvas, x0, y0, x1, y0, colour, opacity);
    if (y1 > y0)
        canvas_fill(canvas, x0, y1, x1, y1, colour, opacity);
    canvas_fill(canvas, x0, y0 + 1, x0, y1 - 1, colour, opacity);
    if (x1 > x0)
        canvas_fill(canvas, x1, y0 + 1, x1, y1 - 1, colour, opacity);
}

void canvas_disc(struct canvas *canvas, int x, int y, int radius, struct colour colour)
{
    for (int dy = -radius; dy <= radius; dy++)
        for (int dx = -radius; dx <= radius; dx++)
            if (dx * dx + dy * dy <= radius * radius + radius)
                canvas_dot(canvas, x + dx, y + dy, colour, 1);
}

static void draw_letter(struct canvas *canvas, int x, int y, int scale, int rim,
                        struct colour colour, unsigned letter)
{
    for (int row = 0; row < FONT_HEIGHT; row++)
        for (int column = 0; column < FONT_WIDTH; column++)
            if (font_dot(letter, column, row))
                canvas_fill(canvas, x + column * scale - rim, y + row * scale - rim,
                            x + (column + 1) * scale - 1 + rim, y + (row + 1) * scale - 1 + rim,
                            colour, 1);
}

static void draw_text(struct canvas *canvas, int x, int y, int scale, int limit, int rim, struct colour colour,
                      const char *text)
{
    int count = font_length(text);
    int shown = count > limit ? limit : count;
    for (int n = 0; n < shown; n++) {
        unsigned letter = font_next(&text);
        letter = count > limit && n >= limit - 2 ? '.' : letter;
        draw_letter(canvas, x + n * FONT_ADVANCE * scale, y, scale, rim, colour, letter);
    }
}

void canvas_text(struct canvas *canvas, int x, int y, int scale, int limit, struct colour colour,
                 const char *text)
{
    draw_text(canvas, x, y, scale, limit, 1, (struct colour){0, 0, 0}, text);
    draw_text(canvas, x, y, scale, limit, 0, colour, text);
}

void canvas_plain_text(struct canvas *canvas, int x, int y, int scale, int limit, struct colour colour,
                       const char *text)
{
    draw_text(canvas, x, y, scale, limit, 0, colour, text);
}

int canvas_text_width(int scale, int limit, const char *text)
{
    int count = font_length(text);
    return (count > limit ? limit : count) * FONT_ADVANCE * scale;
}

int canvas_text_height(int scale)
{
    return FONT_HEIGHT * scale;
}
