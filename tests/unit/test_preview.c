/* Contact sheets, pixel by pixel: what is drawn is where it belongs, on the side where it belongs.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "image/font.h"
#include "image/preview.h"

enum { W = 24, H = 20, TILES = 5, GREY = 100 };
static const char *const names[] = {"liver", "spleen", "c", "d", "e", "f", "g", "h", "ninth"};

struct fixture {
    uint8_t grey[W * H];
    uint16_t object[TILES][W * H];
    struct preview_mark marks[4];
    struct preview_tile tiles[TILES];
    struct preview_sheet sheet;
};

static struct fixture make(double spacing_y)
{
    struct fixture f;
    memset(&f, 0, sizeof f);
    memset(f.grey, GREY, sizeof f.grey);
    f.sheet = (struct preview_sheet){
        W, H, {1.5, spacing_y}, {{'R', 'L'}, {'A', 'P'}}, names, 9, NULL, TILES};
    return f;
}

static void fill(struct fixture *f, int tile, int object, int x0, int y0, int x1, int y1)
{
    for (int y = y0; y <= y1; y++)
        for (int x = x0; x <= x1; x++)
            f->object[tile][y * W + x] = (uint16_t)(object + 1);
}

static struct canvas draw(struct fixture *f)
{
    struct canvas canvas;
    struct sm_err err;
    for (int t = 0; t < TILES; t++) {
        f->tiles[t].grey = f->grey;
        f->tiles[t].object = f->object[t];
    }
    f->tiles[2].marks = f->marks;
    f->sheet.tiles = f->tiles;
    assert_int_equal(preview_draw(&canvas, &f->sheet, &err), SM_OK);
    return canvas;
}

static struct colour at(const struct canvas *canvas, double x, double y)
{
    const uint8_t *p = canvas->rgb + ((size_t)y * (size_t)canvas->width + (size_t)x) * 3;
    return (struct colour){p[0], p[1], p[2]};
}

static struct colour in_pixel(const struct fixture *f, const struct canvas *canvas, int tile,
                              double column, double row)
{
    struct preview_place p = preview_place(&f->sheet, tile, column, row);
    return at(canvas, p.x, p.y);
}

static int same(struct colour a, struct colour b)
{
    return a.r == b.r && a.g == b.g && a.b == b.b;
}
static const struct colour plain = {GREY, GREY, GREY};

static void masks_are_where_the_labels_are(void **state)
{
    (void)state;
    struct fixture f = make(1.5);
    fill(&f, 2, 0, 5, 6, 9, 12);
    struct canvas c = draw(&f);
    for (int t = 0; t < TILES; t++)
        for (int y = 5; y < H - 5; y++)
            for (int x = 4; x < W - 4; x++) {
                struct colour seen = in_pixel(&f, &c, t, x + 0.5, y + 0.5);
                int inside = t == 2 && x >= 5 && x <= 9 && y >= 6 && y <= 12;
                assert_int_equal(!same(seen, plain), inside);
            }
    canvas_close(&c);
}

static void outlines_run_just_inside(void **state)
{
    (void)state;
    struct fixture f = make(1.5);
    fill(&f, 2, 0, 5, 6, 9, 12);
    struct canvas c = draw(&f);
    struct preview_place low = preview_place(&f.sheet, 2, 5, 6),
                         high = preview_place(&f.sheet, 2, 10, 13);
    struct colour line = preview_colour(0);
    assert_true(same(at(&c, low.x, low.y + 3 * low.height), line));
    assert_true(same(at(&c, low.x - 1, low.y + 3 * low.height), plain));
    assert_true(same(at(&c, high.x - 1, high.y - 3 * low.height), line));
    assert_true(same(at(&c, high.x, high.y - 3 * low.height), plain));
    assert_false(same(at(&c, low.x + 2 * low.width, low.y + 3 * low.height), line));
    canvas_close(&c);
}

static void aspect_is_true(void **state)
{
    (void)state;
    static const double spacings[] = {0.3, 1, 1.5, 4, 9};
    for (size_t n = 0; n < sizeof spacings / sizeof spacings[0]; n++) {
        struct fixture f = make(spacings[n]);
        struct preview_place p = preview_place(&f.sheet, 0, 0, 0);
        assert_true(fabs(p.height * H / (p.width * W) / (spacings[n] * H / (1.5 * W)) - 1) < 0.02);
    }
}

static void tiles_lie_side_by_side(void **state)
{
    (void)state;
    struct fixture f = make(2);
    struct canvas c = draw(&f);
    for (int a = 0; a < TILES; a++) {
        struct preview_place p = preview_place(&f.sheet, a, 0, 0),
                             q = preview_place(&f.sheet, a, W, H);
        assert_true(p.x >= 0 && p.y >= 0 && q.x <= c.width && q.y <= c.height &&
                    c.width <= PREVIEW_MAX_SIDE);
        for (int b = 0; b < a; b++) {
            struct preview_place r = preview_place(&f.sheet, b, 0, 0),
                                 s = preview_place(&f.sheet, b, W, H);
            assert_true(q.x <= r.x || s.x <= p.x || q.y <= r.y || s.y <= p.y);
        }
    }
    canvas_close(&c);
}

static void boxes_surround_their_pixels(void **state)
{
    (void)state;
    struct fixture f = make(1.5);
    f.tiles[2].mark_count = 1;
    f.marks[0] = (struct preview_mark){PREVIEW_BOX, 1, {7, 8, 13, 11}, false};
    struct canvas c = draw(&f);
    struct preview_place low = preview_place(&f.sheet, 2, 7, 8),
                         high = preview_place(&f.sheet, 2, 13, 11);
    for (double x = low.x; x < high.x; x++) {
        assert_false(same(at(&c, x, low.y - 1), plain));
        assert_false(same(at(&c, x, high.y), plain));
        for (double y = low.y; y < high.y; y++)
            assert_true(same(at(&c, x, y), plain));
    }
    assert_false(same(at(&c, low.x - 1, low.y + 2), plain));
    assert_false(same(at(&c, high.x, low.y + 2), plain));
    assert_true(same(at(&c, low.x - 2, low.y + 2), plain));
    assert_true(same(at(&c, high.x + 1, low.y + 2), plain));
    canvas_close(&c);
}

static void points_tell_plus_from_minus(void **state)
{
    (void)state;
    struct fixture f = make(1.5);
    f.tiles[2].mark_count = 2;
    f.marks[0] = (struct preview_mark){PREVIEW_POSITIVE, 0, {6, 9, 0, 0}, false};
    f.marks[1] = (struct preview_mark){PREVIEW_NEGATIVE, 0, {16, 9, 0, 0}, false};
    struct canvas c = draw(&f);
    struct preview_place plus = preview_place(&f.sheet, 2, 6.5, 9.5),
                         minus = preview_place(&f.sheet, 2, 16.5, 9.5);
    struct colour ink = {0, 0, 0}, disc = preview_colour(0);
    assert_true(same(at(&c, plus.x, plus.y), ink) && same(at(&c, minus.x, minus.y), ink));
    assert_true(same(at(&c, plus.x, floor(plus.y) - 3), ink));
    assert_true(same(at(&c, minus.x, floor(minus.y) - 3), disc));
    canvas_close(&c);
}

/* The dots of a letter, found in white or pale somewhere in a part of the sheet. */
static int has_letter(const struct canvas *c, char letter, int x0, int y0, int x1, int y1)
{
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            int match = 1;
            for (int row = 0; row < FONT_HEIGHT && match; row++)
                for (int column = 0; column < FONT_WIDTH && match; column++) {
                    struct colour seen = at(c, x + 2 * column, y + 2 * row);
                    match = (seen.r > 180) == font_dot((unsigned char)letter, column, row);
                }
            if (match)
                return 1;
        }
    return 0;
}

static void letters_stand_on_their_side(void **state)
{
    (void)state;
    struct fixture f = make(1.5);
    strcpy(f.tiles[1].caption, "k 7");
    struct canvas c = draw(&f);
    struct preview_place p = preview_place(&f.sheet, 1, 0, 0), q = preview_place(&f.sheet, 1, W, H);
    int x0 = (int)p.x, y0 = (int)p.y, x1 = (int)q.x - 10, y1 = (int)q.y - 14, mx = (x0 + x1) / 2,
        my = (y0 + y1) / 2;
    assert_true(has_letter(&c, 'R', x0, y0 + 20, mx, y1) && !has_letter(&c, 'R', mx, y0, x1, y1));
    assert_true(has_letter(&c, 'L', mx, y0, x1, y1) && !has_letter(&c, 'L', x0, y0, mx, y1));
    assert_true(has_letter(&c, 'A', x0, y0, x1, my) && !has_letter(&c, 'A', x0, my, x1, y1));
    assert_true(has_letter(&c, 'P', x0, my, x1, y1) && !has_letter(&c, 'P', x0, y0, x1, my));
    assert_true(has_letter(&c, '7', x0, y0, x1, my));
    canvas_close(&c);
}

static void objects_can_be_told_apart(void **state)
{
    (void)state;
    struct fixture f = make(1.5);
    fill(&f, 0, 0, 3, 6, 20, 13);
    fill(&f, 1, 8, 3, 6, 20, 13);
    struct canvas c = draw(&f);
    for (int t = 0; t < 2; t++) {
        struct preview_place p = preview_place(&f.sheet, t, 3, 14),
                             q = preview_place(&f.sheet, t, 20, 14);
        int inked = 0, all = 0;
        for (double x = p.x + 3; x < q.x; x++, all++)
            inked += same(at(&c, x, p.y - 1), preview_colour(t ? 8 : 0));
        assert_true(t ? inked > all / 4 && inked < all : inked == all);
    }
    for (int a = 0; a < 8; a++)
        for (int b = 0; b < a; b++) {
            struct colour p = preview_colour(a), q = preview_colour(b);
            assert_true(abs(p.r - q.r) + abs(p.g - q.g) + abs(p.b - q.b) > 40);
        }
    canvas_close(&c);
}

static void odd_sheets_are_drawn(void **state)
{
    (void)state;
    static const struct {
        int w, h, tiles;
        double x, y;
    } odd[] = {{1, 1, 1, 1, 1},
               {3, 900, 2, 1, 1},
               {900, 2, 3, 0.2, 5},
               {2, 2, 28, 1e-3, 10},
               {700, 600, 28, 0.7, 0.7}};
    for (size_t n = 0; n < sizeof odd / sizeof odd[0]; n++) {
        size_t pixels = (size_t)odd[n].w * (size_t)odd[n].h;
        uint8_t *grey = calloc(pixels, 1);
        uint16_t *object = calloc(pixels, sizeof *object);
        struct preview_tile tiles[28];
        for (int t = 0; t < 28; t++)
            tiles[t] = (struct preview_tile){"k 0", grey, object, NULL, 0};
        struct preview_sheet sheet = {odd[n].w, odd[n].h, {odd[n].x, odd[n].y}, {{0}}, names,
                                      9,        tiles,    odd[n].tiles};
        struct canvas canvas;
        assert_int_equal(preview_draw(&canvas, &sheet, NULL), SM_OK);
        assert_true(canvas.width <= PREVIEW_MAX_SIDE && canvas.height <= PREVIEW_MAX_SIDE);
        canvas_close(&canvas);
        free(grey);
        free(object);
    }
}

static void text_may_be_utf8(void **state)
{
    (void)state;
    assert_int_equal(font_length("Milz"), 4);
    assert_int_equal(font_length("Gef\xc3\xa4\xc3\x9f"), 5);
    assert_int_equal(font_length("\xe8\x82\x9d\xf0\x9f\xab\x80"), 2);
    assert_int_equal(font_length("\xc3"), 1);
    assert_int_equal(font_length("a\xff\xe8\x82"), 4);
    assert_true(font_dot(0x4e00, 0, 0) && font_dot('A', 0, 3) && !font_dot('A', 0, 0));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_are_where_the_labels_are),
        cmocka_unit_test(outlines_run_just_inside),
        cmocka_unit_test(aspect_is_true),
        cmocka_unit_test(tiles_lie_side_by_side),
        cmocka_unit_test(boxes_surround_their_pixels),
        cmocka_unit_test(points_tell_plus_from_minus),
        cmocka_unit_test(letters_stand_on_their_side),
        cmocka_unit_test(objects_can_be_told_apart),
        cmocka_unit_test(odd_sheets_are_drawn),
        cmocka_unit_test(text_may_be_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
