/* image/canvas.h - drawing on an RGB picture. Whatever falls outside is cut off. */
#ifndef IMAGE_CANVAS_H
#define IMAGE_CANVAS_H

#include <stdint.h>
#include "sammed2d/error.h"

struct canvas {
    int width, height;
    uint8_t *rgb; /* (height, width, 3), owned */
};
struct colour {
    uint8_t r, g, b;
};

/* Filled with one colour. Sizes up to 32767. */
enum sm_status canvas_open(struct canvas *canvas, int width, int height, struct colour paper,
                           struct sm_err *err);
void canvas_close(struct canvas *canvas);

/* opacity 0..1 mixes the colour into what is there. */
void canvas_dot(struct canvas *canvas, int x, int y, struct colour colour, double opacity);
/* Corners included. */
void canvas_fill(struct canvas *canvas, int x0, int y0, int x1, int y1, struct colour colour,
                 double opacity);
void canvas_frame(struct canvas *canvas, int x0, int y0, int x1, int y1, struct colour colour,
                  double opacity);
void canvas_disc(struct canvas *canvas, int x, int y, int radius, struct colour colour);

/* (x, y) is the upper left corner; every dot of a letter is `scale` pixels wide. With a dark rim,
 * readable on any ground. At most `limit` characters; a longer text ends in "..". */
void canvas_text(struct canvas *canvas, int x, int y, int scale, int limit, struct colour colour,
                 const char *text);
/* The same without the rim, on paper. */
void canvas_plain_text(struct canvas *canvas, int x, int y, int scale, int limit, struct colour colour,
                       const char *text);
int canvas_text_width(int scale, int limit, const char *text);
int canvas_text_height(int scale);

#endif
