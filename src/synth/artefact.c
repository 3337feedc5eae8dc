/* What devices, windows and coarse grids add to a picture. */
#include <string.h>
#include "synth/field.h"
#include "synth/picture.h"

/* Field inhomogeneity, depth-dependent gain: a smooth factor. */
static void add_bias(float *values, struct scene *scene)
{
    struct rng *rng = &scene->rng;
    float strength = rng_between(rng, 0, 0.5f);
    field_smooth(scene->field, scene->side, (float)scene->side * rng_between(rng, 0.3f, 0.9f), rng, scene->scratch);
    for (int p = 0; p < scene->side * scene->side; p++)
        values[p] *= expf(strength * scene->field[p]);
}

static void add_noise(float *values, struct scene *scene, float most)
{
    struct rng *rng = &scene->rng;
    float strength = most * rng_unit(rng) * rng_unit(rng), blur_x = rng_between(rng, 0, 1.2f), blur_y = rng_between(rng, 0, 1.2f);
    field_white(scene->field, scene->side, rng);
    field_blur(scene->field, scene->side, blur_x, blur_y, scene->scratch);
    strength *= 1 + blur_x + blur_y;
    for (int p = 0; p < scene->side * scene->side; p++)
        values[p] += strength * scene->field[p];
}

/* Noise of a magnitude picture: that of both channels (Gudbjartsson and Patz 1995). */
static void add_rician(float *values, struct scene *scene)
{
    struct rng *rng = &scene->rng;
    float strength = 0.1f * rng_unit(rng) * rng_unit(rng);
    for (int p = 0; p < scene->side * scene->side; p++) {
        float real = values[p] + strength * rng_normal(rng), imaginary = strength * rng_normal(rng);
        values[p] = hypotf(real, imaginary);
    }
}

/* Streaks from a dense place: bright and dark rays. */
static void add_streaks(float *values, struct scene *scene)
{
    struct rng *rng = &scene->rng;
    float side = (float)scene->side, x0 = side * rng_unit(rng), y0 = side * rng_unit(rng);
    for (int rays = rng_int(rng, 2, 8); rays > 0; rays--) {
        float angle = rng_between(rng, 0, 3.1416f), c = cosf(angle), s = sinf(angle);
        float strength = 0.3f * rng_normal(rng), width = rng_between(rng, 0.6f, 2.5f);
        for (int p = 0; p < scene->side * scene->side; p++) {
            float dx = (float)(p % scene->side) - x0, dy = (float)(p / scene->side) - y0;
            float across = (dx * s - dy * c) / width;
            if (across * across < 4)
                values[p] += strength * (1 - across * across / 4) / (1 + 0.03f * hypotf(dx, dy));
        }
    }
}

/* Interference of echoes: a factor with long-tailed distribution, wider across the beam than along it. */
static void add_speckle(float *values, struct scene *scene)
{
    struct rng *rng = &scene->rng;
    int side = scene->side;
    float across = rng_log_between(rng, 0.5f, 3.5f), along = rng_between(rng, 0.3f, 1.2f), strength = rng_log_between(rng, 0.03f, 0.4f);
    float gain = 1 + 1.8f * (across + along) / 2;
    field_white(scene->field, side, rng);
    field_blur(scene->field, side, across, along, scene->scratch);
    for (int p = 0; p < side * side; p++)
        values[p] *= expf(strength * gain * scene->field[p]);
}

/* Depth takes from the echo, and so does what lies above: broad dark columns. */
static void add_shadows(float *values, struct scene *scene)
{
    struct rng *rng = &scene->rng;
    int side = scene->side;
    float loss = 5 * rng_unit(rng) * rng_unit(rng) / (float)side;
    for (int p = 0; p < side * side; p++)
        values[p] *= expf(-loss * (float)(p / side));
    for (int count = rng_chance(rng, 0.4f) ? rng_int(rng, 1, 3) : 0; count > 0; count--) {
        float x0 = (float)side * rng_unit(rng), y0 = (float)side * rng_unit(rng), width = (float)side * rng_log_between(rng, 0.03f, 0.2f);
        float dark = rng_between(rng, 0.3f, 0.9f);
        for (int p = (int)y0 * side; p < side * side; p++) {
            float t = fabsf((float)(p % side) - x0) / width, down = ((float)(p / side) - y0) / (0.1f * (float)side);
            values[p] *= 1 - dark * (t < 1 ? 1 - t * t : 0) * (down < 1 ? down : 1);
        }
    }
}

/* Black outside a sector or a frame, as the screen of an ultrasound device has it: no noise there, so the frame comes last. */
static void add_frame(float *values, struct scene *scene)
{
    struct rng *rng = &scene->rng;
    int side = scene->side;
    float top = rng_between(rng, 0, 0.2f) * (float)side, bottom = rng_between(rng, 0.8f, 1) * (float)side;
    bool sector = rng_chance(rng, 0.4f);
    float open = rng_between(rng, 0.5f, 1.2f), tip = top - rng_between(rng, 0.05f, 0.4f) * (float)side;
    float half = rng_between(rng, 0.32f, 0.5f) * (float)side, black = values[0];
    for (int p = 0; p < side * side; p++)
        black = fminf(black, values[p]);
    for (int p = 0; p < side * side; p++) {
        float y = (float)(p / side), x = (float)(p % side) - 0.5f * (float)side;
        if (y < top || y > bottom || fabsf(x) > (sector ? open * (y - tip) : half)) {
            values[p] = black;
            scene->label[p] = 0; /* nobody can ask for what is not shown */
        }
    }
}

static int by_value(const float *values, int pixels, float *low, float *high, float low_part, float high_part)
{
    enum { BINS = 512 };
    int count[BINS] = {0}, seen = 0, bin = 0;
    float least = values[0], most = values[0];
    for (int p = 0; p < pixels; p++) {
        least = fminf(least, values[p]);
        most = fmaxf(most, values[p]);
    }
    float scale = (float)(BINS - 1) / (most - least + 1e-9f);
    for (int p = 0; p < pixels; p++)
        count[(int)((values[p] - least) * scale)]++;
    for (; bin < BINS - 1 && (float)(seen += count[bin]) < low_part * (float)pixels; bin++)
        ;
    *low = least + (float)bin / scale;
    for (seen = 0, bin = BINS - 1; bin > 0 && (float)(seen += count[bin]) < high_part * (float)pixels; bin--)
        ;
    *high = least + (float)(bin + 1) / scale;
    return *high > *low;
}

/* A window narrower than all there is: CT presets, percentiles. */
static void clip(float *values, struct scene *scene, enum device device)
{
    struct rng *rng = &scene->rng;
    float low, high;
    int pixels = scene->side * scene->side;
    float below = 0.02f * rng_unit(rng), above = 0.05f * rng_unit(rng);
    if (device == CT) {
        float center = rng_chance(rng, 0.7f) ? rng_between(rng, 0, 0.1f) : rng_between(rng, -0.7f, 0.6f);
        float width = rng_log_between(rng, 0.12f, 2);
        low = center - width / 2;
        high = center + width / 2;
    } else if (!by_value(values, pixels, &low, &high, below, above)) {
        return;
    }
    for (int p = 0; p < pixels; p++)
        values[p] = fminf(fmaxf(values[p], low), high);
}

static void bend_greys(float *values, struct scene *scene, enum device device)
{
    struct rng *rng = &scene->rng;
    float low, high, gamma = rng_log_between(rng, 0.5f, 2);
    int pixels = scene->side * scene->side;
    if (!by_value(values, pixels, &low, &high, 0, 0))
        return;
    bool invert = device != ULTRASOUND && rng_chance(rng, 0.3f);
    for (int p = 0; p < pixels; p++) {
        float part = fminf(fmaxf((values[p] - low) / (high - low), 0), 1);
        values[p] = powf(invert ? 1 - part : part, gamma);
    }
}

struct defect {
    void (*add)(float *values, struct scene *scene);
    float chance[4]; /* for CT, MR, ULTRASOUND, ANYTHING */
};

void add_defects(float *values, struct scene *scene, enum device device)
{
    static const struct defect defects[] = {
        {add_bias, {0, 0.8f, 0.5f, 0.4f}},     {add_rician, {0, 0.8f, 0, 0.2f}},
        {add_streaks, {0.15f, 0, 0, 0.05f}},   {add_speckle, {0, 0, 0.95f, 0.2f}},
        {add_shadows, {0, 0, 0.8f, 0.1f}},
    };
    static const float framed[4] = {0, 0, 0.5f, 0.03f};
    struct rng *rng = &scene->rng;
    for (size_t n = 0; n < sizeof defects / sizeof *defects; n++)
        if (rng_chance(rng, defects[n].chance[device]))
            defects[n].add(values, scene);
    if (rng_chance(rng, 0.3f)) {
        float blur = rng_between(rng, 0.3f, 1.8f);
        field_blur(values, scene->side, blur, blur * rng_between(rng, 0.5f, 1), scene->scratch);
    }
    add_noise(values, scene, device == CT ? 0.06f : device == ULTRASOUND ? 0.05f : 0.2f);
    if (rng_chance(rng, device == CT ? 0.5f : 0.4f))
        clip(values, scene, device);
    if (rng_chance(rng, device == CT ? 0.1f : 0.5f))
        bend_greys(values, scene, device);
    if (rng_chance(rng, framed[device]))
        add_frame(values, scene);
}

/* ---- resolution ---- */

static void average_down(float *small, const float *values, int side, int width, int height)
{
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++) {
            int y0 = row * side / height, y1 = (row + 1) * side / height, x0 = column * side / width, x1 = (column + 1) * side / width;
            float sum = 0;
            for (int y = y0; y < y1; y++)
                for (int x = x0; x < x1; x++)
                    sum += values[y * side + x];
            small[row * width + column] = sum / (float)((y1 - y0) * (x1 - x0));
        }
}

/* A detector's noise is in the pixels it has, however large they are shown. It stays within the window. */
static void add_pixel_noise(float *small, int pixels, struct rng *rng)
{
    float low = small[0], high = small[0], strength = 0.1f * rng_unit(rng) * rng_unit(rng);
    for (int p = 0; p < pixels; p++) {
        low = fminf(low, small[p]);
        high = fmaxf(high, small[p]);
    }
    for (int p = 0; p < pixels; p++)
        small[p] = fminf(fmaxf(small[p] + strength * (high - low) * rng_normal(rng), low), high);
}

/* What is cut out of a picture has fewer pixels the closer it is seen. */
static int coarse_side(const struct scene *scene, struct rng *rng)
{
    float share = scene->zoom > 2 ? rng_log_between(rng, 0.5f, 2) / scene->zoom : rng_log_between(rng, 0.14f, 1);
    return (int)((float)scene->side * fminf(fmaxf(share, 0.13f), 1));
}

void lower_resolution(float *values, struct scene *scene)
{
    struct rng *rng = &scene->rng;
    int side = scene->side, width = coarse_side(scene, rng), height = width;
    if (rng_chance(rng, 0.3f))
        height = coarse_side(scene, rng);
    uint8_t *labels = (uint8_t *)scene->sum;
    float *small = scene->field;
    average_down(small, values, side, width, height);
    if (rng_chance(rng, 0.7f))
        add_pixel_noise(small, width * height, rng);
    memcpy(labels, scene->label, (size_t)side * (size_t)side);
    for (int y = 0; y < side; y++) {
        int row = y * height / side, from_y = (2 * row + 1) * side / (2 * height);
        for (int x = 0; x < side; x++) {
            int column = x * width / side, from_x = (2 * column + 1) * side / (2 * width);
            values[y * side + x] = small[row * width + column];
            scene->label[y * side + x] = labels[from_y * side + from_x];
        }
    }
}
