/* The learning curve: loss above, Dice below, over the steps. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include "image/canvas.h"
#include "sammed2d/picture.h"
#include "train/journal.h"

enum { WIDTH = 900, HEIGHT = 640, LEFT = 70, RIGHT = 20, TOP = 30, GAP = 50, PANEL = (HEIGHT - 2 * TOP - GAP) / 2 };
static const struct colour paper = {255, 255, 255}, ink = {60, 60, 60}, faint = {215, 215, 215};

struct series {
    const char *name;
    size_t at; /* in struct report */
    struct colour colour;
};
static const struct series losses[] = {{"loss", offsetof(struct report, loss), {200, 60, 40}}};
static const struct series dices[] = {
    {"Dice, first prompt", offsetof(struct report, dice_first), {120, 160, 220}},
    {"Dice, last round", offsetof(struct report, dice_last), {150, 200, 150}},
    {"held out, box", offsetof(struct report, val_box), {20, 60, 180}},
    {"held out, point", offsetof(struct report, val_point), {200, 120, 0}},
    {"held out, last round", offsetof(struct report, val_last), {20, 130, 40}},
};

struct panel {
    int top;
    double low, high; /* of the axis */
    double last_step;
};

static double value_of(const struct report *report, const struct series *series)
{
    return *(const double *)((const char *)report + series->at);
}

static int x_of(const struct panel *p, double step)
{
    return LEFT + (int)lround((WIDTH - LEFT - RIGHT) * step / p->last_step);
}

static int y_of(const struct panel *p, double value)
{
    double share = (value - p->low) / (p->high - p->low);
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    return p->top + PANEL - (int)lround(PANEL * share);
}

static void draw_line(struct canvas *c, int x0, int y0, int x1, int y1, struct colour colour)
{
    int steps = abs(x1 - x0) > abs(y1 - y0) ? abs(x1 - x0) : abs(y1 - y0);
    for (int i = 0; i <= steps; i++) {
        int x = x0 + (int)lround((double)(x1 - x0) * i / (steps ? steps : 1));
        int y = y0 + (int)lround((double)(y1 - y0) * i / (steps ? steps : 1));
        canvas_fill(c, x, y, x + 1, y + 1, colour, 1);
    }
}

/* 1, 2 or 5 times a power of ten: `range` in about `parts` steps. */
static double round_step(double range, int parts)
{
    double rough = range / parts, power = pow(10, floor(log10(rough)));
    return power * (rough < 1.5 * power ? 1 : rough < 3.5 * power ? 2 : rough < 7.5 * power ? 5 : 10);
}

static void draw_axes(struct canvas *c, const struct panel *p)
{
    char text[32];
    double by = round_step(p->high - p->low, 4), along = fmax(round_step(p->last_step, 6), 1);
    for (int i = 0; p->low + i * by <= p->high * (1 + 1e-9); i++) {
        int y = y_of(p, p->low + i * by);
        canvas_fill(c, LEFT, y, WIDTH - RIGHT, y, faint, 1);
        snprintf(text, sizeof text, "%.3g", p->low + i * by);
        canvas_plain_text(c, 12, y - 6, 1, 10, ink, text);
    }
    for (int i = 0; i * along <= p->last_step; i++) {
        snprintf(text, sizeof text, "%.0f", i * along);
        int half = canvas_text_width(1, 10, text) / 2;
        canvas_plain_text(c, x_of(p, i * along) - half, p->top + PANEL + 6, 1, 10, ink, text);
    }
}

static void draw_series(struct canvas *c, const struct panel *p, const struct series *s, int place,
                        const struct report *reports, size_t count)
{
    int x = -1, y = -1;
    for (size_t i = 0; i < count; i++) {
        double value = value_of(&reports[i], s);
        if (!isfinite(value))
            continue;
        int nx = x_of(p, (double)reports[i].step), ny = y_of(p, value);
        if (x >= 0)
            draw_line(c, x, y, nx, ny, s->colour);
        else
            canvas_disc(c, nx, ny, 2, s->colour);
        x = nx, y = ny;
    }
    if (x >= 0)
        canvas_plain_text(c, LEFT + 10 + 160 * place, p->top - 16, 1, 24, s->colour, s->name);
}

/* Of the axis: a whole number of its steps. */
static double largest_loss(const struct report *reports, size_t count)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = isfinite(reports[i].loss) ? fmax(largest, reports[i].loss) : largest;
    if (!(largest > 0))
        return 1;
    double step = round_step(largest, 4);
    return step * ceil(largest / step);
}

enum sm_status curve_draw(const struct report *reports, size_t count, const char *path, struct sm_err *err)
{
    struct canvas canvas;
    double last = count ? fmax((double)reports[count - 1].step, 1) : 1;
    struct panel loss = {TOP, 0, largest_loss(reports, count), last};
    struct panel dice = {TOP + PANEL + GAP, 0, 1, last};
    enum sm_status status = canvas_open(&canvas, WIDTH, HEIGHT, paper, err);
    if (status)
        return status;
    draw_axes(&canvas, &loss);
    draw_axes(&canvas, &dice);
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        draw_series(&canvas, &loss, &losses[i], (int)i, reports, count);
    for (size_t i = 0; i < sizeof dices / sizeof *dices; i++)
        draw_series(&canvas, &dice, &dices[i], (int)i, reports, count);
    status = sm_png_write(path, canvas.rgb, WIDTH, HEIGHT, 3, err);
    canvas_close(&canvas);
    return status;
}
